/*
 * Calls of language models: what one request that the service makes asks for, and what its answer says of itself.
 *
 *      request   {"model": "m", "stream": true, "messages": …}        only these two fields are taken from it
 *      answer    {"model": "m-1", "usage": {"prompt_tokens": 5, …}}   one document, or as server-sent events or JSON lines
 *
 * Prompts and answers pass by; nothing of them is kept. Compressed bodies say nothing.
 *
 * For: client.c, which has one for each exchange that octo_provider_find() knows. Context: one thread a side at a time;
 * signal-safe. From a slab: never given back.
 */
#ifndef OCTO_CONN_LLM_H
#define OCTO_CONN_LLM_H

#include "conn/exchange.h"
#include "proto/framer.h"

#include "octoshim/record.h"

/* What is known of a call once it is over. Texts live as long as the call. */
struct octo_llm_report {
    struct octo_llm_facts facts;
    const char *provider, *model, *answer_model;
};

/* The head of x, which f knows at its blank line, is about to be sent: x->llm, if it is a call of a model. passed: bytes of
 * the head that have passed already. */
void octo_llm_begin(struct octo_exchange *x, const struct octo_framer *f, uint64_t passed);

/* Bytes of the request from where octo_llm_begin() was told on, of the response from its first byte on; p NULL: unseen. */
void octo_llm_request_bytes(struct octo_exchange *x, const uint8_t *p, uint64_t n);
void octo_llm_response_bytes(struct octo_exchange *x, const uint8_t *p, uint64_t n, uint64_t now_ns);

/* The exchange is over. */
void octo_llm_report(struct octo_exchange *x, struct octo_llm_report *report);

/* Its memory is given back. */
void octo_llm_forget(struct octo_exchange *x);

/* The service wakes. */
void octo_llm_wake(void (*complain)(const char *line));

#endif
