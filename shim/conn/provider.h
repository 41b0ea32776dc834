/*
 * Which provider of language models a request is for, and what it asks there.
 *
 * For: llm.c. The table is OCTOSHIM_LLM's rows and then the built-in ones; the first that matches counts:
 *
 *      [host[:port]][/path]=provider          gateway:4000=openai,models.local/v1/chat/completions=vllm
 *
 * host: a glob, without case; with a port it must be that, without one any. path: as proto/pattern.h has it; {model} in it
 * is the model, where the body does not name it. What is asked is known by the path's end (/chat/completions, /messages,
 * :generateContent …); other requests, and all but POST, are no calls of a model.
 *
 * Context: any thread, signal-safe; pure but for octo_providers_wake().
 * Source: OpenTelemetry semantic conventions, "GenAI": names of providers and operations.
 */
#ifndef OCTO_CONN_PROVIDER_H
#define OCTO_CONN_PROVIDER_H

#include "octoshim/record.h"

#include <stdbool.h>
#include <stddef.h>

struct octo_provider_call {
    const char *provider; /* static */
    uint8_t provider_len;
    uint8_t operation; /* enum octo_llm_operation */
    bool streams;      /* the path says that the answer comes as a stream */
    const char *model; /* into the target, as it stands there; len 0: not in the path */
    uint8_t model_len;
};

/* The service wakes. text: OCTOSHIM_LLM, kept. complain(): a line about each row that is left out. */
void octo_providers_wake(const char *text, void (*complain)(const char *line));

/* True if that POST is a call of a model. */
bool octo_provider_find(const char *host, size_t host_len, const char *target, size_t target_len,
                        struct octo_provider_call *call);

#endif
