/* array: what NumPy writes is read as it was meant, and what is broken is named. */
#include "source_files.h"

static void begin_array(Case *c, const char *file) {
    begin(c, "array");
    set(c, "path", file_in(file)), set(c, "batch", "1"), set(c, "order", "sequential");
}

static void write_npy(const char *descr, bool fortran, const char *shape, const void *data, size_t size) {
    NpyFile f = npy_of(1, descr, fortran, shape, data, size);
    write_file("a.npy", f.bytes, f.n);
}

/* The numbers 1, 0 and a third one in every type; the third shows sign and width. */
static void every_type_is_read(void **state) {
    (void)state;
    static const struct { const char *descr; DType type; unsigned char bytes[24]; double third; } types[] = {
        {"<f2", F32, {0x00, 0x3C, 0, 0, 0x01, 0x80}, -5.9604644775390625e-8},
        {"<f4", F32, {0, 0, 0x80, 0x3F, 0, 0, 0, 0, 0, 0, 0x20, 0xC0}, -2.5},
        {">f4", F32, {0x3F, 0x80, 0, 0, 0, 0, 0, 0, 0xC0, 0x20, 0, 0}, -2.5},
        {"<f8", F32, {0, 0, 0, 0, 0, 0, 0xF0, 0x3F, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0xC0}, -2.5},
        {"|i1", I32, {1, 0, 0x80}, -128},
        {"|u1", I32, {1, 0, 0xFF}, 255},
        {"<i2", I32, {1, 0, 0, 0, 0, 0x80}, -32768},
        {">i2", I32, {0, 1, 0, 0, 0x80, 0}, -32768},
        {"<u2", I32, {1, 0, 0, 0, 0xFE, 0xFF}, 65534},
        {"<i4", I32, {1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80}, -2147483648.0},
        {"<u4", I32, {1, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0x7F}, 2147483647},
        {"<i8", I32, {1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}, -2},
        {"<u8", I32, {1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9}, 9},
        {"|b1", U8, {1, 0, 1}, 1},
    };
    for (size_t k = 0; k < sizeof types / sizeof *types; k++) {
        write_npy(types[k].descr, false, "(3,)", types[k].bytes, 3 * (size_t)(types[k].descr[2] - '0'));
        Case c;
        begin_array(&c, "a.npy");
        load(&c);
        assert_string_equal(c.source.field[0].name, "value");
        assert_int_equal(c.source.field[0].sample.dtype, types[k].type);
        assert_int_equal(c.source.field[0].sample.shape.rank, 0);
        for (int i = 0; i < 3; i++) {
            union { float f; int32_t i; uint8_t b; } x;
            source_batch(&c.source, 0, i, (void *[]){&x});
            double got = types[k].type == F32 ? (double)x.f : types[k].type == I32 ? x.i : x.b;
            assert_true(got == (i == 0 ? 1 : i == 1 ? 0 : types[k].third));
        }
        end(&c);
    }
}

static void halves_have_all_their_special_values(void **state) {
    (void)state;
    static const uint16_t bits[] = {0x7BFF, 0x0001, 0x03FF, 0x0400, 0x3555, 0xC000};
    static const double value[] = {65504, 5.9604644775390625e-8, 6.097555160522461e-5, 6.103515625e-5, 0.333251953125, -2};
    float x[6];
    Case c;
    write_npy("<f2", false, "(6,)", bits, sizeof bits);
    begin_array(&c, "a.npy"), set(&c, "batch", "6");
    load(&c);
    source_batch(&c.source, 0, 0, (void *[]){x});
    for (int i = 0; i < 6; i++) assert_true((double)x[i] == value[i]);
    end(&c);
}

static void both_orders_give_the_same_samples(void **state) {
    (void)state;
    uint8_t c_order[24], fortran[24];
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 3; j++)
            for (int k = 0; k < 2; k++) c_order[(i * 3 + j) * 2 + k] = fortran[i + 4 * (j + 3 * k)] = (uint8_t)(100 * k + 10 * i + j);
    for (int order = 0; order < 2; order++)
        for (int version = 1; version < 4; version++) {
            NpyFile f = npy_of(version, "|u1", order, "(4, 3, 2)", order ? fortran : c_order, 24);
            write_file("a.npy", f.bytes, f.n);
            Case c;
            begin_array(&c, "a.npy");
            load(&c);
            Shape expected = SHAPE(3, 2);
            assert_true(shape_equal(&c.source.field[0].sample.shape, &expected));
            int32_t x[6];
            for (int i = 0; i < 4; i++) {
                source_batch(&c.source, 0, i, (void *[]){x});
                for (int k = 0; k < 6; k++) assert_int_equal(x[k], c_order[6 * i + k]);
            }
            end(&c);
        }
}

static const char *const names[] = {"point.npy", "label.npy", "words.npy", "short.npy", "scale.npy"};

static void make_npz(bool deflated) {
    float point[8] = {0, 0.5f, 1, 1.5f, 2, 2.5f, 3, 3.5f};
    int64_t label[4] = {2, 0, 1, 2};
    NpyFile files[5] = {npy_of(1, "<f4", false, "(4, 2)", point, sizeof point), npy_of(1, "<i8", false, "(4,)", label, sizeof label),
                        npy_of(1, "<U1", false, "(4,)", point, 16), npy_of(1, "<f4", false, "(2,)", point, 8),
                        npy_of(1, "<f4", false, "()", point, 4)};
    write_npz(5, names, files, deflated);
}

static void an_npz_has_a_field_for_each_array(void **state) {
    (void)state;
    for (int deflated = 0; deflated < 2; deflated++) {
        make_npz(deflated);
        Case c;
        begin_array(&c, "a.npz");
        set(&c, "classes", "2 1"), set(&c, "relabel", "true");
        assert_true(source_open(&c.source));
        assert_int_equal(c.source.nfield, 5);
        assert_int_equal(c.source.count, 3);
        assert_true(source_want(&c.source, 0, c.source.loc) && source_want(&c.source, 1, c.source.loc));
        assert_true(source_load(&c.source));
        float point[2];
        int32_t label;
        source_batch(&c.source, 0, 1, (void *[]){point, &label, NULL, NULL, NULL});
        assert_true(point[0] == 2 && point[1] == 2.5f);
        assert_int_equal(label, 1);
        static const char *const why[] = {
            "its type <U1 is none of f2 f4 f8 i1 i2 i4 i8 u1 u2 u4 u8 b1: convert it with astype",
            "it has 2 rows, and 'point' has 4", "it is a single number, not one a sample"};
        for (int i = 2; i < 5; i++) {
            assert_false(source_want(&c.source, i, c.source.loc));
            assert_string_equal(c.source.field[i].unusable, why[i - 2]);
        }
        end(&c);
    }
}

static void says(const char *descr, const char *shape, size_t size, const char *what) {
    static const double data[64] = {1e300};
    char text[300];
    write_npy(descr, false, shape, data, size);
    Case c;
    begin_array(&c, "a.npy");
    snprintf(text, sizeof text, "toy: %s: %s", file_in("a.npy"), what);
    refused(&c, 10, text);
}

static void broken_npy_files_are_named(void **state) {
    (void)state;
    says("<f8", "(3,)", 24, "'value' is 1e+300 in row 0, counted from 0: floats are finite and below 3.4e38");
    says("<u8", "(3,)", 24, "'value' is 9.094988921e+18 in row 0, counted from 0: ints lie in -2147483648 to 2147483647");
    says("<f4", "(3,)", 11, "states 140 bytes in its header and has 139: it is cut off or damaged");
    says("<f4", "(3,)", 13, "states 140 bytes in its header and has 141: it is cut off or damaged");
    says("<f4", "(3, 4611686018427387904)", 4, "states sizes in its header that no file can have: it is damaged");
    says("<f4", "(99999999999999999999,)", 4, "has a .npy header that cannot be read: it is damaged");
    says("<f4", "(1, 1, 1, 1, 1, 1, 1, 1, 1)", 4, "has a .npy header that cannot be read: it is damaged");
    says("<f4", "(0, 3)", 0, "'value' cannot be read: it is empty");
    says("|O", "(3,)", 8, "'value' cannot be read: it holds Python objects: save numbers");
    NpyFile f = npy_of(1, "<f4", false, "(1,)", "....", 4);
    char text[300];
    static const struct { size_t at; unsigned char byte; const char *what; } flips[] = {
        {0, 'x', "is no .npy file: it does not begin with \\x93NUMPY"},
        {6, 9, "is a .npy file of the unknown version 9"},
        {9, 9, "ends within its header: it is cut off or damaged"},
        {12, 'x', "has a .npy header that cannot be read: it is damaged"}};
    for (size_t i = 0; i < sizeof flips / sizeof *flips; i++) {
        NpyFile g = f;
        g.bytes[flips[i].at] = flips[i].byte;
        write_file("a.npy", g.bytes, g.n);
        Case c;
        begin_array(&c, "a.npy");
        snprintf(text, sizeof text, "toy: %s: %s", file_in("a.npy"), flips[i].what);
        refused(&c, 10, text);
    }
    f = npy_of(1, "x', 'y': [", false, "(1,)", "....", 4);
    memcpy(strstr((char *)f.bytes + 10, "'x'"), "[  ", 3);
    write_file("a.npy", f.bytes, f.n);
    Case c;
    begin_array(&c, "a.npy");
    refused_about(&c, "it holds records: save each of their fields as an array of its own");
}

static void broken_npz_files_are_named(void **state) {
    (void)state;
    Case c;
    make_npz(true);
    assert_int_equal(truncate(file_in("a.npz"), 700), 0);
    begin_array(&c, "a.npz");
    refused_about(&c, "a.npz: cannot be read as .npz: ");
    write_npz(1, (const char *const[]){"readme.txt"}, &(NpyFile){"hello", 5}, false);
    begin_array(&c, "a.npz");
    refused_about(&c, "a.npz: holds no array: its entries are called NAME.npy");
    write_npz(1, (const char *const[]){"x.npy"}, &(NpyFile){"hello", 5}, false);
    begin_array(&c, "a.npz");
    refused_about(&c, "a.npz: 'x' is no .npy file: it does not begin with \\x93NUMPY");
    float data[512];
    for (int i = 0; i < 512; i++) data[i] = (float)i;
    NpyFile f = npy_of(1, "<f4", false, "(512,)", data, sizeof data);
    write_npz(1, (const char *const[]){"x.npy"}, &f, false);
    FILE *file = fopen(file_in("a.npz"), "r+");
    fseek(file, 1000, SEEK_SET);
    fputc(0xAB, file);
    fclose(file);
    begin_array(&c, "a.npz");
    refused_about(&c, "a.npz: 'x' cannot be read: it is cut off or damaged");
    char many[70][8];
    const char *name[70];
    NpyFile files[70];
    for (int i = 0; i < 70; i++) sprintf(many[i], "x%d.npy", i), name[i] = many[i], files[i] = npy_of(1, "|u1", false, "(1,)", "x", 1);
    write_npz(70, name, files, false);
    begin_array(&c, "a.npz");
    refused_about(&c, "a.npz: has more than 64 arrays: save those you use");
    begin_array(&c, "no.npy");
    refused_about(&c, "there is no such file or folder");
}

static void a_field_called_labelled_meets_the_key(void **state) {
    (void)state;
    NpyFile files[2] = {npy_of(1, "|u1", false, "(2,)", "\0\1", 2), npy_of(1, "|u1", false, "(2,)", "ab", 2)};
    write_npz(2, (const char *const[]){"label.npy", "labelled.npy"}, files, true);
    Case c;
    begin_array(&c, "a.npz"), set(&c, "labelled", "2");
    refused_about(&c, "a.npz: has a field 'labelled' of its own: with the key `labelled` there would be two");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_is_read),
        cmocka_unit_test(halves_have_all_their_special_values),
        cmocka_unit_test(both_orders_give_the_same_samples),
        cmocka_unit_test(an_npz_has_a_field_for_each_array),
        cmocka_unit_test(broken_npy_files_are_named),
        cmocka_unit_test(broken_npz_files_are_named),
        cmocka_unit_test(a_field_called_labelled_meets_the_key),
    };
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
