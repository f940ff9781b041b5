/* Checkpoints: what is written is read back; what is torn, foreign or wrong is refused by name and changes
 * nothing. */
#include "train/checkpoint.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static const char *const path = "test_checkpoint.out/step-000007.safetensors";
static const CheckpointInfo info = {"1.2", 18446744073709551615u, 0xfeedu, 7, 3};

typedef struct {
    Arena *arena;
    Slots *slots;
    Store *store;
} Case;

static void add(Case *c, const char *name, DType type, SlotKind kind, Shape shape, double fill) {
    slot_add(c->slots, (Slot){.name = name, .type = {type, shape}, .kind = kind, .fill = fill});
}

/* `other`: 0 as it is; 1: a parameter more; 2: another shape; 3: another type. */
static Case make_case(double fill, int other) {
    Case c = {.arena = arena_new()};
    c.slots = ARENA_NEW(c.arena, Slots);
    c.slots->arena = c.arena;
    add(&c, "net/weight", F32, SLOT_PARAM, other == 2 ? SHAPE(3, 2) : SHAPE(2, 3), fill);
    add(&c, "net/seen", other == 3 ? F32 : U8, SLOT_STATE, SHAPE(5), 1);
    add(&c, "@step", I32, SLOT_COUNTER, (Shape){0}, 7);
    add(&c, "@data/image", F32, SLOT_BATCH, SHAPE(4, 4), 9);
    if (other == 1) add(&c, "net/offset", F32, SLOT_PARAM, SHAPE(1), 2);
    c.store = store_new(c.slots, F32);
    return c;
}

static void drop(Case *c) {
    store_free(c->store);
    arena_free(c->arena);
}

static void write_case(int other) {
    Case c = make_case(0.1, other);
    Fault f = {0};
    assert_true(checkpoint_write(path, c.store, &info, &f));
    drop(&c);
}

static bool reads(int other, bool loose, Fault *f) {
    Case c = make_case(5, other);
    CheckpointInfo out;
    *f = (Fault){0};
    bool done = checkpoint_read(path, c.store, loose, &out, f);
    if (!done) assert_true(store_number(c.store, 0) == 5);
    drop(&c);
    return done;
}

static void what_is_written_is_read_back(void **state) {
    (void)state;
    write_case(0);
    Case c = make_case(5, 0);
    CheckpointInfo out;
    Fault f = {0};
    ((float *)c.store->data[3])[0] = 3;
    assert_true(checkpoint_read(path, c.store, false, &out, &f));
    for (int i = 0; i < 6; i++) assert_true(((float *)c.store->data[0])[i] == 0.1f);
    assert_true(((float *)c.store->data[3])[0] == 3); /* batches are in no checkpoint */
    assert_string_equal(out.version, "1.2");
    assert_true(out.seed == info.seed && out.hash == info.hash && out.step == 7 && out.threads == 3);
    drop(&c);
}

static void mismatches_are_named(void **state) {
    (void)state;
    static const char *const said[] = {"", "'net/offset' is missing",
                                       "'net/weight' is F32 [2,3], the spec wants float [3,2]",
                                       "'net/seen' is BOOL [5], the spec wants float [5]"};
    Fault f;
    for (int other = 1; other < 4; other++) {
        write_case(0);
        assert_false(reads(other, false, &f));
        assert_int_equal(f.code, CODE_DATA);
        assert_non_null(strstr(f.text, said[other]));
        assert_true(reads(other, true, &f));
    }
    write_case(1);
    assert_false(reads(0, false, &f));
    assert_non_null(strstr(f.text, "'net/offset' is nothing that the spec has"));
}

/* One float, kept in this way. */
static Case one_float(DType kept, double value) {
    Case c = {.arena = arena_new()};
    c.slots = ARENA_NEW(c.arena, Slots);
    c.slots->arena = c.arena;
    add(&c, "net/weight", F32, SLOT_PARAM, SHAPE(1), value);
    c.store = store_new(c.slots, kept);
    return c;
}

static void floats_of_either_width_are_read(void **state) {
    (void)state;
    static const DType kept[] = {F32, F64};
    static const int whole[] = {0};
    for (int i = 0; i < 8; i++) {
        Case from = one_float(kept[i & 1], 0.1), to = one_float(kept[i >> 1 & 1], 5);
        CheckpointInfo out;
        Fault f = {0};
        assert_true(checkpoint_write(path, from.store, &info, &f));
        assert_true(i & 4 ? checkpoint_take(path, to.store, 1, whole, &f) : checkpoint_read(path, to.store, false, &out, &f));
        assert_true(store_at(to.store, 0, 0) == ((i & 3) == 3 ? 0.1 : (double)0.1f));
        drop(&from);
        drop(&to);
    }
    Case from = one_float(F64, -1e39), to = one_float(F32, 5);
    CheckpointInfo out;
    Fault f = {0};
    assert_true(checkpoint_write(path, from.store, &info, &f));
    assert_false(checkpoint_read(path, to.store, false, &out, &f));
    assert_int_equal(f.code, CODE_DATA);
    assert_non_null(strstr(f.text, "'net/weight' holds -1e+39, and fp32 ends at 3.40282e+38"));
    drop(&from);
    drop(&to);
}

static char *slurp(size_t *size) {
    FILE *f = fopen(path, "rb");
    char *text = malloc(1 << 16);
    *size = fread(text, 1, 1 << 16, f);
    fclose(f);
    return text;
}

static void put(const char *text, size_t size) {
    FILE *f = fopen(path, "wb");
    fwrite(text, 1, size, f);
    fclose(f);
}

static void a_file_cut_anywhere_is_refused(void **state) {
    (void)state;
    write_case(0);
    size_t size;
    char *text = slurp(&size);
    Fault f;
    for (size_t n = 0; n < size; n++) {
        put(text, n);
        assert_false(reads(0, false, &f));
        assert_int_equal(f.code, CODE_DATA);
    }
    free(text);
}

static void any_byte_of_the_header_may_be_wrong(void **state) {
    (void)state;
    write_case(0);
    size_t size;
    char *text = slurp(&size);
    size_t data = 6 * 4 + 5 + 4;
    Fault f;
    for (size_t i = 0; i < size - data; i++)
        for (int k = 0; k < 3; k++) {
            char was = text[i];
            text[i] = (char)(k == 0 ? was ^ 1 : k == 1 ? was ^ 0x80 : '9');
            put(text, size);
            if (!reads(0, false, &f)) assert_int_equal(f.code, CODE_DATA); /* and no sanitizer complains */
            text[i] = was;
        }
    free(text);
}

static void every_damaged_number_is_refused(void **state) {
    (void)state;
    write_case(0);
    size_t size;
    char *text = slurp(&size);
    Fault f;
    for (size_t i = size - (6 * 4 + 5 + 4); i < size; i++) {
        text[i] ^= 0x10;
        put(text, size);
        assert_false(reads(0, false, &f));
        assert_int_equal(f.code, CODE_DATA);
        assert_non_null(strstr(f.text, "damaged"));
        text[i] ^= 0x10;
    }
    text[size] = 'x';
    put(text, size + 1);
    assert_false(reads(0, false, &f));
    free(text);
}

static void a_number_of_the_metadata_is_a_number(void **state) {
    (void)state;
    write_case(0);
    size_t size;
    char *text = slurp(&size);
    static const char *const keys[] = {"\"seed\":\"", "\"hash\":\"", "\"step\":\"", "\"threads\":\"", "\"crc32\":\""};
    for (int i = 0; i < 5; i++) {
        char *at = (char *)memmem(text, size, keys[i], strlen(keys[i])) + strlen(keys[i]), was = *at;
        Fault f;
        *at = '-';
        put(text, size);
        assert_false(reads(0, false, &f));
        assert_int_equal(f.code, CODE_DATA);
        assert_non_null(strstr(f.text, "damaged"));
        *at = was;
    }
    free(text);
}

static void nan_in_a_parameter_is_never_written(void **state) {
    (void)state;
    write_case(0);
    Case c = make_case(5, 0);
    Fault f = {0};
    assert_true(checkpoint_sound(c.store, &f));
    ((float *)c.store->data[0])[4] = NAN;
    assert_false(checkpoint_sound(c.store, &f));
    assert_int_equal(f.code, CODE_DIVERGED);
    assert_non_null(strstr(f.text, "'net/weight'"));
    drop(&c);
    assert_true(reads(0, false, &f)); /* the old one is still there */
}

static void a_failed_write_keeps_the_old_file(void **state) {
    (void)state;
    write_case(0);
    Case c = make_case(5, 0);
    Fault f = {0};
    assert_int_equal(mkdir("test_checkpoint.out/step-000007.safetensors.tmp", 0777), 0);
    assert_false(checkpoint_write(path, c.store, &info, &f));
    assert_int_equal(f.code, CODE_WRITE);
    rmdir("test_checkpoint.out/step-000007.safetensors.tmp");
    drop(&c);
    assert_true(reads(0, false, &f));
}

static void the_newest_is_the_one_furthest_in_the_schedule(void **state) {
    (void)state;
    static const int64_t at[][2] = {{9, 0}, {9, 3}, {9, 10}, {10, 0}, {1000000, 0}, {1000000, 1}};
    char name[200], newest[200];
    const char *folder = "test_checkpoint.out/many";
    assert_int_equal(system("rm -rf test_checkpoint.out/many"), 0);
    assert_int_equal(mkdir(folder, 0777), 0);
    assert_false(checkpoint_newest(folder, newest, sizeof newest));
    for (int i = 0; i < 6; i++) {
        checkpoint_name(name, sizeof name, folder, at[i][0], at[i][1]);
        FILE *f = fopen(name, "w");
        fclose(f);
        assert_true(checkpoint_newest(folder, newest, sizeof newest));
        assert_string_equal(newest, name);
    }
    FILE *torn = fopen("test_checkpoint.out/many/step-000011.safetensors.tmp", "w");
    fclose(torn);
    checkpoint_prune(folder, 2);
    assert_true(access("test_checkpoint.out/many/step-000011.safetensors.tmp", F_OK));
    checkpoint_name(name, sizeof name, folder, 10, 0);
    assert_true(access(name, F_OK));
    checkpoint_name(name, sizeof name, folder, 1000000, 0);
    assert_false(access(name, F_OK));
}

int main(void) {
    mkdir("test_checkpoint.out", 0777);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(mismatches_are_named),
        cmocka_unit_test(floats_of_either_width_are_read),
        cmocka_unit_test(a_file_cut_anywhere_is_refused),
        cmocka_unit_test(any_byte_of_the_header_may_be_wrong),
        cmocka_unit_test(every_damaged_number_is_refused),
        cmocka_unit_test(a_number_of_the_metadata_is_a_number),
        cmocka_unit_test(nan_in_a_parameter_is_never_written),
        cmocka_unit_test(a_failed_write_keeps_the_old_file),
        cmocka_unit_test(the_newest_is_the_one_furthest_in_the_schedule),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
