/* Trying out octoshim-otlp. */
#ifndef OCTO_DOCTOR_OTLP_H
#define OCTO_DOCTOR_OTLP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/settings.h"

/*
 * Has octoshim-otlp, from where it is installed or built together with the doctor, read the settings as the service's shim
 * will give them to it. said: what it says, one line or more; or why it does not start. Returns whether it does.
 */
bool otlp_try(const struct octo_settings *settings, char *said, size_t size);

#endif
