/*
 * Writes the first corpus: seeds DIRECTORY fills DIRECTORY/<fuzzer>/.
 *
 * A few dozen small inputs, one for each thing that a framer has to know, so that a fresh fuzzer starts where
 * the interesting bytes are. The names say what they are.
 */
#include "../unit/framer_cases.h"
#include "../unit/stream_gen.h"

#include <stdlib.h>
#include <sys/stat.h>

static void save(const char *directory, const char *fuzzer, const char *name, const uint8_t *p, size_t n)
{
    char path[4096];
    FILE *out;

    snprintf(path, sizeof(path), "%s/%s", directory, fuzzer);
    mkdir(path, 0777);
    snprintf(path, sizeof(path), "%s/%s/%s", directory, fuzzer, name);
    for (char *c = path + strlen(path) - strlen(name); *c != '\0'; c++)
        if (*c == ' ' || *c == '/' || *c == ',')
            *c = '-';
    out = fopen(path, "wb");
    if (out == NULL || fwrite(p, 1, n, out) != n || fclose(out) != 0) {
        perror(path);
        exit(1);
    }
}

int main(int argc, char **argv)
{
    struct choices c = {.seed = 20251110};

    if (argc != 2)
        return 2;
    mkdir(argv[1], 0777);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i += 3) {
        const struct framer_case *k = &cases[i];
        uint8_t bytes[4096];
        size_t n = 2;

        bytes[0] = (uint8_t)((k->role == OCTO_RESPONSE) | k->method << 1);
        bytes[1] = (uint8_t)i;
        for (size_t j = 0; j < k->len; j++)
            if (k->bytes[j] != B[0] && k->bytes[j] != E[0])
                bytes[n++] = (uint8_t)k->bytes[j];
        save(argv[1], "fuzz_framer", k->name, bytes, n);
    }
    for (int i = 0; i < 24; i++) {
        static struct stream_text stream;
        static uint8_t bytes[STREAM_MAX + 200];
        enum octo_role role = i % 2 ? OCTO_RESPONSE : OCTO_REQUEST;
        size_t n = 3;
        char name[32];

        do
            gen_stream(&stream, role, &c);
        while (stream.len > 700);
        bytes[0] = role == OCTO_RESPONSE;
        bytes[1] = (uint8_t)(stream.len >> 8);
        bytes[2] = (uint8_t)stream.len;
        memcpy(bytes + n, stream.bytes, stream.len);
        n += stream.len;
        for (int j = 0; j < 100; j++)
            bytes[n++] = (uint8_t)choose(&c, 256);
        snprintf(name, sizeof(name), "stream-%02d", i);
        save(argv[1], "fuzz_edit_read", name, bytes, n);
        save(argv[1], "fuzz_edit_write", name, bytes, n);
    }
    return 0;
}
