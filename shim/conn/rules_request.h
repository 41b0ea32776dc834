/*
 * Rules on requests: which may apply to an exchange, what they need to see of it, and counting at its end.
 *
 * For: exchange.c. Without a rule on requests each costs one load and one branch. Context: as exchange.c's.
 */
#ifndef OCTO_CONN_RULES_REQUEST_H
#define OCTO_CONN_RULES_REQUEST_H

#include "conn/emit.h"
#include "conn/rules.h"

/* True if any rule is about requests. */
static inline bool octo_rules_on_requests(void)
{
    return __builtin_expect(octo_rules.on[OCTO_ON_REQUEST] != 0, 0);
}

/* Whether bytes of requests, of responses, have to be shown. */
bool octo_rules_tap_in(void);
bool octo_rules_tap_out(void);

/* A request's first byte; bytes of its head, of what follows (p NULL: unseen). Only where octo_rules_tap_in(). */
void octo_rules_begin(struct octo_exchange *x);
void octo_rules_head_bytes(struct octo_exchange *x, const uint8_t *p, size_t n);
void octo_rules_request_bytes(struct octo_exchange *x, const uint8_t *p, uint64_t n);

/* Bytes of its responses. Only where octo_rules_tap_out(). */
void octo_rules_response_bytes(struct octo_exchange *x, const uint8_t *p, uint64_t n);

/* The head is complete (x->words are the texts, x->verb is known). */
void octo_rules_head(struct octo_exchange *x, const struct octo_framer *f);

/* The whole request has been read. */
void octo_rules_request_over(struct octo_exchange *x);

/* The call that is about to be made may end the exchange like this: what rules will count then, as far as it is known. Returns how
 * many; x->foreseen says which, until measure.c finds that they were not counted. */
unsigned octo_rules_intend(struct octo_exchange *x, const struct octo_ending *ending,
                           struct octo_addition also[OCTO_ALSO]);

/* The exchange ends; what was foreseen is counted already. */
void octo_rules_ended(struct octo_exchange *x, const struct octo_ending *ending);

/* The exchange's memory is given back. */
void octo_rules_forget(struct octo_exchange *x);

#endif
