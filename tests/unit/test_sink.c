/* The sink: making, following, rotating and sharing a log file. */
#include "sink_rig.h"

static void test_file_is_made_and_appended_to(void **state)
{
    struct stat st;

    (void)state;
    put("a\n");
    octo_sink_close(&sink);
    put("b\n");
    assert_string_equal(content("orders.log"), "a\nb\n");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    assert_true(fcntl(sink.fd, F_GETFD) & FD_CLOEXEC);
    assert_true(fcntl(sink.fd, F_GETFL) & O_APPEND);
}

static void test_missing_directory_is_made_one_level(void **state)
{
    char where[200];
    struct stat st;

    (void)state;
    snprintf(where, sizeof where, "%s/new/orders.log", dir);
    init(where, OCTO_ROTATE_DAILY, 0);
    put("a\n");
    assert_string_equal(content("new/orders.log"), "a\n");
    snprintf(where, sizeof where, "%s/new", dir);
    assert_int_equal(stat(where, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0755);
}

static void test_daily(void **state)
{
    (void)state;
    put("a\n");
    age("orders.log", "2025-11-10T10:30:45");
    real_s = utc("2025-11-10T23:59:59");
    put("b\n");
    real_s++;
    put("c\n");
    put("d\n");
    assert_string_equal(names(), "orders.log orders.log.2025-11-10");
    assert_string_equal(content("orders.log.2025-11-10"), "a\nb\n");
    assert_string_equal(content("orders.log"), "c\nd\n");
    /* Nothing for days, then a line: the file bears the day of its lines. */
    real_s = utc("2025-12-24T12:00:00");
    put("e\n");
    assert_string_equal(content("orders.log.2025-11-11"), "c\nd\n");
    /* The clock goes back: nothing happens. */
    real_s = utc("2025-12-23T12:00:00");
    put("f\n");
    assert_string_equal(content("orders.log"), "e\nf\n");
    assert_string_equal(names(), "orders.log orders.log.2025-11-10 orders.log.2025-11-11");
}

static void test_hourly(void **state)
{
    (void)state;
    init(path, OCTO_ROTATE_HOURLY, 0);
    put("a\n");
    real_s = utc("2025-11-10T11:00:00");
    put("b\n");
    real_s = utc("2025-11-11T00:00:00");
    put("c\n");
    assert_string_equal(names(), "orders.log orders.log.2025-11-10T10 orders.log.2025-11-10T11");
}

static void test_by_size_and_taken_names(void **state)
{
    (void)state;
    init(path, OCTO_ROTATE_SIZE, 10);
    put("1234\n");
    put("5678\n");
    put("9\n"); /* would be 12 */
    assert_string_equal(content("orders.log.2025-11-10T103045"), "1234\n5678\n");
    put("0123456789 too long for any file\n");
    put("a\n");
    assert_string_equal(names(), "orders.log orders.log.2025-11-10T103045 orders.log.2025-11-10T103045.1 "
                                 "orders.log.2025-11-10T103045.2");
    assert_string_equal(content("orders.log.2025-11-10T103045.1"), "9\n");
    assert_string_equal(content("orders.log.2025-11-10T103045.2"), "0123456789 too long for any file\n");
    assert_string_equal(content("orders.log"), "a\n");
}

static void test_never(void **state)
{
    (void)state;
    init(path, OCTO_ROTATE_NEVER, 0);
    put("a\n");
    age("orders.log", "2020-01-01T00:00:00");
    real_s += 400 * 86400;
    put("b\n");
    assert_string_equal(names(), "orders.log");
}

static void test_yesterdays_file_is_rotated_at_opening(void **state)
{
    (void)state;
    put("a\n");
    octo_sink_close(&sink);
    age("orders.log", "2025-11-08T23:00:00");
    put("b\n");
    assert_string_equal(names(), "orders.log orders.log.2025-11-08");
    assert_string_equal(content("orders.log"), "b\n");
    /* An empty one is not. */
    octo_sink_close(&sink);
    assert_int_equal(truncate(path, 0), 0);
    age("orders.log", "2025-11-08T23:00:00");
    put("c\n");
    assert_string_equal(names(), "orders.log orders.log.2025-11-08");
}

static void test_what_another_wrote_today_is_not_yesterdays(void **state)
{
    (void)state;
    assert_int_equal(octo_sink_ready(&sink, 2), 0); /* opened, empty, on the 10th */
    real_s = utc("2025-11-11T00:00:01");
    int other = open(path, O_WRONLY | O_APPEND);

    assert_int_equal(write(other, "x\n", 2), 2);
    close(other);
    age("orders.log", "2025-11-11T00:00:00");
    put("a\n");
    assert_string_equal(names(), "orders.log");
}

static void test_another_rotates(void **state)
{
    struct octo_sink other;

    (void)state;
    put("a\n");
    age("orders.log", "2025-11-10T10:30:45");
    other = sink;
    other.fd = other.dir_fd = -1;
    assert_int_equal(octo_sink_ready(&other, 2), 0);
    real_s += 86400;
    put("b\n"); /* renames */
    assert_int_equal(octo_sink_ready(&other, 2), 0);
    assert_int_equal(octo_sink_write(&other, "c\n", 2), 2);
    assert_string_equal(names(), "orders.log orders.log.2025-11-10");
    assert_string_equal(content("orders.log"), "b\nc\n");
    octo_sink_close(&other);
    close(other.dir_fd);
}

static void test_no_rotation_while_another_is_at_it(void **state)
{
    (void)state;
    put("a\n");
    int other = open(path, O_WRONLY);

    assert_int_equal(flock(other, LOCK_EX), 0);
    real_s += 86400;
    put("b\n");
    assert_string_equal(names(), "orders.log");
    assert_string_equal(content("orders.log"), "a\nb\n");
    close(other);
}

static void test_logrotate_is_followed_within_a_second(void **state)
{
    char moved[200];

    (void)state;
    snprintf(moved, sizeof moved, "%s.1", path);
    put("a\n");
    assert_int_equal(rename(path, moved), 0);
    put("b\n"); /* not noticed yet: nothing is lost */
    assert_string_equal(content("orders.log.1"), "a\nb\n");
    mono_ms += OCTO_SINK_LOOK_AGAIN_MS;
    put("c\n");
    assert_string_equal(content("orders.log"), "c\n");
    assert_int_equal(unlink(path), 0);
    mono_ms += OCTO_SINK_LOOK_AGAIN_MS;
    put("d\n");
    assert_string_equal(content("orders.log"), "d\n");
    assert_int_equal(truncate(path, 0), 0); /* copytruncate */
    put("e\n");
    assert_string_equal(content("orders.log"), "e\n");
}

static void test_directory_made_anew(void **state)
{
    char moved[100];

    (void)state;
    put("a\n");
    snprintf(moved, sizeof moved, "%s-moved", dir);
    assert_int_equal(rename(dir, moved), 0);
    assert_int_equal(mkdir(dir, 0755), 0);
    mono_ms += OCTO_SINK_LOOK_AGAIN_MS;
    put("b\n"); /* the directory stays the one that was opened, wherever it is now (chroot) */
    assert_null(content("orders.log"));
    assert_int_equal(rmdir(dir), 0);
    assert_int_equal(rename(moved, dir), 0);
    assert_string_equal(content("orders.log"), "a\nb\n");
}

static void test_links_are_not_followed(void **state)
{
    char target[200];
    int pipes[2];

    (void)state;
    snprintf(target, sizeof target, "%s/target", dir);
    assert_int_equal(symlink(target, path), 0);
    assert_int_equal(pipe(pipes), 0);
    dup2(pipes[1], 2);
    put("a\n");
    assert_true(sink.fallback);
    assert_int_equal(sink.open_error, -ELOOP);
    assert_null(content("target"));
    close(pipes[0]);
    close(pipes[1]);
}

static void test_devices(void **state)
{
    (void)state;
    init("/dev/null", OCTO_ROTATE_SIZE, 1);
    put("a\n");
    put("b\n");
    octo_sink_close(&sink);
    init("/dev/full", OCTO_ROTATE_DAILY, 0);
    assert_int_equal(octo_sink_ready(&sink, 2), 0);
    assert_int_equal(octo_sink_write(&sink, "a\n", 2), -ENOSPC);
}

/* A descriptor 2 that is no stderr any more must not get our lines. */
enum { PROCESSES = 8, LINES = 6000, PAYLOAD_MAX = 600 };

static void write_lines(unsigned who)
{
    static char batch[65536];
    struct octo_sink own;
    unsigned seed = who, line = 0;

    octo_sink_init(&own, path, OCTO_ROTATE_SIZE, 100000);
    while (line < LINES) {
        size_t n = 0, done = 0;

        for (unsigned i = (unsigned)rand_r(&seed) % 40; i-- > 0 && line < LINES; line++) {
            unsigned payload = (unsigned)rand_r(&seed) % PAYLOAD_MAX;

            n += (size_t)sprintf(batch + n, "<%u %u %u ", who, line, payload);
            memset(batch + n, 'a' + (int)who, payload);
            n += payload;
            batch[n++] = '>';
            batch[n++] = '\n';
        }
        while (done < n) {
            ssize_t r = octo_sink_ready(&own, n - done) == 0 ? octo_sink_write(&own, batch + done, n - done) : -1;

            if (r < 0)
                _exit(1);
            done += (size_t)r;
        }
        if (rand_r(&seed) % 8 == 0)
            usleep(500);
    }
    _exit(0);
}

static void test_eight_processes_share_a_file(void **state)
{
    static bool seen[PROCESSES][LINES];
    pid_t child[PROCESSES];
    struct dirent **list;
    unsigned total = 0, rotated = 0;
    int status, n;

    (void)state;
    for (unsigned i = 0; i < PROCESSES; i++) {
        child[i] = fork();
        if (child[i] == 0)
            write_lines(i);
    }
    for (unsigned i = 0; i < PROCESSES; i++) {
        assert_int_equal(waitpid(child[i], &status, 0), child[i]);
        assert_int_equal(status, 0);
    }
    n = scandir(dir, &list, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        char file[400], line[PAYLOAD_MAX + 64];
        FILE *f;

        snprintf(file, sizeof file, "%s/%s", dir, list[i]->d_name);
        f = list[i]->d_name[0] == '.' ? NULL : fopen(file, "r");
        rotated += strncmp(list[i]->d_name, "orders.log.", 11) == 0;
        while (f != NULL && fgets(line, sizeof line, f) != NULL) {
            unsigned who, number, payload;
            int at = 0;

            if (sscanf(line, "<%u %u %u %n", &who, &number, &payload, &at) != 3 || who >= PROCESSES ||
                number >= LINES || strlen(line) != (size_t)at + payload + 2 || line[at + (int)payload] != '>')
                fail_msg("torn in %s: %s", file, line);
            for (unsigned b = 0; b < payload; b++)
                assert_int_equal(line[(unsigned)at + b], 'a' + (int)who);
            assert_false(seen[who][number]);
            seen[who][number] = true;
            total++;
        }
        if (f != NULL)
            fclose(f);
        free(list[i]);
    }
    free(list);
    assert_int_equal(total, PROCESSES * LINES);
    assert_true(rotated > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(test_file_is_made_and_appended_to),
        EACH(test_missing_directory_is_made_one_level),
        EACH(test_daily),
        EACH(test_hourly),
        EACH(test_by_size_and_taken_names),
        EACH(test_never),
        EACH(test_yesterdays_file_is_rotated_at_opening),
        EACH(test_what_another_wrote_today_is_not_yesterdays),
        EACH(test_another_rotates),
        EACH(test_no_rotation_while_another_is_at_it),
        EACH(test_logrotate_is_followed_within_a_second),
        EACH(test_directory_made_anew),
        EACH(test_links_are_not_followed),
        EACH(test_devices),
        EACH(test_eight_processes_share_a_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
