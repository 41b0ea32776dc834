/*
 * Join: preloaded processes ask here for seats, and say which service they are. See octoshim/seat.h.
 *
 * Only processes that are followed get any; which process asks, the kernel says, not the process. The maps are made before privileges are
 * given up, and used again. A connection lasts as long as the process, or octoprobe.
 */
#ifndef OCTO_BPF_JOIN_H
#define OCTO_BPF_JOIN_H

#include "readout.h"

enum { JOIN_CONNECTIONS = 1024 };

struct join_connection {
    int fd;
    pid_t pid;
    unsigned map; /* 1 to OCTO_JOINS; 0: none */
};

/* Processes of one service are counted together, as those of one name are. */
struct join_service {
    char name[OCTO_JOIN_NAME], process[OCTO_NAME_MAX];
    unsigned serial;
};

struct join {
    struct session *session;
    struct readout *readout;
    const char *where;  /* as --join has it */
    int listener, poll; /* poll: readable when join_step() has something to do; -1: nobody can ask */
    unsigned instance;
    struct join_connection connection[JOIN_CONNECTIONS];
    unsigned connections;
    bool taken[OCTO_JOINS + 1]; /* maps, by number */
    struct join_service *service;
    unsigned services;
};

/* Listens. Where another one does, says so, and goes on without; ends the program where that was asked for by --join. */
void join_begin(struct join *j, const struct options *o, struct session *session, struct readout *readout);
void join_step(struct join *j);
/* Whether join_begin() could listen there: 0 or -errno. For --check. */
int join_try(const char *where);
void join_end(struct join *j);

#endif
