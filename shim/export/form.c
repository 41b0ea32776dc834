/* The two forms of a line. See form.h. The console form is that of structlog's ConsoleRenderer, always coloured. */
#include "export/form.h"

#define RESET "\x1b[0m"
#define BOLD "\x1b[1m"
#define DIM "\x1b[2m"
#define RED "\x1b[31m"
#define GREEN "\x1b[32m"
#define YELLOW "\x1b[33m"
#define BLUE "\x1b[34m"
#define MAGENTA "\x1b[35m"
#define CYAN "\x1b[36m"

const struct octo_form octo_form_json = {
    .identity_first = true,
#define EVENT(symbol, name, level) OCTO_FIXED("{\"event\": \"" name "\", \"timestamp\": \""),
    .event = {OCTO_EVENTS(EVENT)},
#undef EVENT
    .level = {OCTO_FIXED("Z\", \"level\": \"debug\""), OCTO_FIXED("Z\", \"level\": \"info\""),
              OCTO_FIXED("Z\", \"level\": \"warning\""), OCTO_FIXED("Z\", \"level\": \"error\""),
              OCTO_FIXED("Z\", \"level\": \"critical\"")},
    .logger = OCTO_FIXED(", \"logger\": \"octoshim\""),
#define KEY(symbol, name, quote) OCTO_FIXED(", \"" name "\": " quote),
    .key = {OCTO_KEYS(KEY)},
#undef KEY
    .text_end = OCTO_FIXED("\""),
    .number_end = OCTO_FIXED(""),
    .line_end = OCTO_FIXED("}\n"),
};

const struct octo_form octo_form_console = {
    .stamp_first = true,
    .before_stamp = OCTO_FIXED(DIM),
    .level = {OCTO_FIXED("Z" RESET " [" GREEN BOLD "debug    " RESET "] " BOLD),
              OCTO_FIXED("Z" RESET " [" GREEN BOLD "info     " RESET "] " BOLD),
              OCTO_FIXED("Z" RESET " [" YELLOW BOLD "warning  " RESET "] " BOLD),
              OCTO_FIXED("Z" RESET " [" RED BOLD "error    " RESET "] " BOLD),
              OCTO_FIXED("Z" RESET " [" RED BOLD "critical " RESET "] " BOLD)},
#define EVENT(symbol, name, level) {name "                              ", 30},
    .event = {OCTO_EVENTS(EVENT)},
#undef EVENT
    .logger = OCTO_FIXED(RESET " [" BLUE BOLD "octoshim" RESET "]"),
#define KEY(symbol, name, quote) OCTO_FIXED(" " CYAN name RESET "=" MAGENTA),
    .key = {OCTO_KEYS(KEY)},
#undef KEY
    .text_end = OCTO_FIXED(RESET),
    .number_end = OCTO_FIXED(RESET),
    .line_end = OCTO_FIXED("\n"),
};
