/*
 * Names of errors, for people.
 *
 * For: what the shim says about itself. Context: any thread; static storage.
 */
#ifndef OCTO_EXPORT_ERROR_H
#define OCTO_EXPORT_ERROR_H

/* The name of -errno as errno(3) has it: "ENOENT"; "an error" for those that no call of ours gives. */
const char *octo_error_name(int error);

#endif
