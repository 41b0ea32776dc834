/*
 * What liboctoshim.so and octoshim-stack have between them: a sample of one thread's stack, and the frames that it shows.
 *
 *      shim ──── struct octo_stack_sample, the stacks' bytes, /proc/self/maps ───> octoshim-stack, fd 0 (a socket)
 *           <─── struct octo_stack_reply, the frames as JSON, where they were found ──
 *
 * The end of what the shim sends (shutdown) is the end of the maps. octoshim-stack answers once, and ends. It looks at files
 * that the maps name, and never at the process: it may not be allowed to, and the process may be about to die.
 *
 * Where fd 0 is a listening socket, octoshim-stack is an attendant, of a service that has shut itself up (see shim/export/attendant.h). It does the
 * same on each connection, but that the maps are rather those of who is connected, whom the kernel tells (SO_PEERCRED), if it may read them. Instead
 * of a sample there may come a wish. It stays until the process of which fd 1 is a pidfd has ended, and all that it was to mind.
 */
#ifndef OCTOSHIM_STACK_H
#define OCTOSHIM_STACK_H

#include <stdint.h>

enum {
    OCTO_STACK_VERSION = 1,
    OCTO_STACK_FD = 0,
    OCTO_STACK_SERVICE_FD = 1,
    OCTO_STACK_REGISTERS = 33,      /* DWARF's numbers: x86-64 uses 17 of them, AArch64 all */
    OCTO_STACK_BYTES_MAX = 1 << 20, /* of stack in a sample */
    OCTO_STACK_FRAMES_MAX = 64,     /* in a reply */
    OCTO_STACK_JSON_MAX = 8192,     /* bytes of frames in a reply */
    OCTO_STACK_REASON_MAX = 96,     /* with its NUL */
};

/* What else an attendant is asked for: in a version's place. */
enum octo_stack_wish {
    OCTO_STACK_DIRECTORY =
        0x68637451, /* a byte, and with it (SCM_RIGHTS) the directory of $OCTOSHIM_LOG, O_PATH, if the asker's user may have it */
    OCTO_STACK_MIND, /* a process to stay for; there is no answer */
};

struct octo_stack_asked_for {
    uint32_t wish; /* enum octo_stack_wish */
    uint32_t pid;  /* whom to mind; 0 */
};

struct octo_stack_sample {
    uint32_t version; /* OCTO_STACK_VERSION */
    uint32_t machine; /* ELF's: EM_X86_64, EM_AARCH64 */
    uint32_t pid;     /* of the process, as it knows itself: JIT compilers name /tmp/perf-PID.map by it */
    uint32_t uid;     /* its effective user */
    uint32_t frames_max, json_max; /* what the shim has room for */
    uint64_t known; /* bit n: register[n] is known. Without instruction and stack pointer there are no frames */
    uint64_t registers[OCTO_STACK_REGISTERS];
    uint64_t stack_at;    /* address of the stack's first byte that follows; from the stack pointer on */
    uint64_t stack_bytes; /* at most OCTO_STACK_BYTES_MAX */
    uint64_t
        other_at; /* the same of another stack, whose bytes follow: that on which a signal has found the thread */
    uint64_t other_bytes; /* before its handler had an alternate one. 0: none */
    uint32_t trim; /* 1: the innermost frames are the shim's own: those of the first one's file are left off */
    uint32_t spare;
};

struct octo_stack_reply {
    uint32_t version;
    uint32_t frames;     /* in the JSON; the innermost comes first */
    uint32_t cut;        /* 1: there are more, or may be: reason says why, where it is not the room */
    uint32_t json_bytes; /* of what follows: an array of objects, without line breaks; "[]" is 2 */
    uint64_t
        id; /* the same for the same frames, also those left out, in the same files, whatever the addresses; 0: no frames */
    uint32_t
        places; /* of struct octo_stack_place, behind the JSON: of all frames but the innermost; or 0: not to be had */
    uint32_t spare;
    char reason[OCTO_STACK_REASON_MAX]; /* why there are no frames, or no more of them; "": all is well */
};

/* A word of the stack that makes it what it is: where all are the same, from the same instruction on, the frames are. */
struct octo_stack_place {
    uint64_t offset; /* from the stack pointer */
    uint64_t value;  /* a return address */
};

#endif
