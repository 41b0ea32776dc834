/* Events for which there is no memory: counted, each once, so that somebody hears of them. */
#include "service_rig.h"

#include "conn/emit.h"

static int load(void **state)
{
    (void)state;
    return rig_load("{}") && rig_wake() ? 0 : -1;
}

static void without_a_ring(void **state)
{
    struct octo_process *process = octo_process();
    struct octo_ring *ring = process->ring;

    (void)state;
    octo_emit_service(true, "a", 0);
    assert_int_equal(octo_service.segment->homeless, 0);
    process->ring = NULL;
    process->ringless = true;
    octo_emit_service(true, "a", 0);
    octo_emit_service(false, "a", 0);
    assert_int_equal(octo_service.segment->homeless, 2);
    process->ring = ring;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_ring),
    };

    return cmocka_run_group_tests(tests, load, rig_unload);
}
