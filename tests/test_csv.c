/* csv: tables are read as RFC 4180 says, and a bad cell is named at its line and column. */
#include "source_files.h"

static void begin_csv(Case *c, const char *text) {
    write_file("a.csv", text, strlen(text));
    begin(c, "csv");
    set(c, "path", file_in("a.csv")), set(c, "batch", "1"), set(c, "order", "sequential");
}

static void names(Case *c, const char *const *name, int n) {
    *(Names *)(void *)((char *)(uintptr_t)c->source.options + field_find(c->source.kind->options, "columns")->offset) = (Names){n, name};
}

static int field(const Case *c, const char *name) {
    for (int i = 0; i < c->source.nfield; i++)
        if (!strcmp(c->source.field[i].name, name)) return i;
    fail_msg("no field %s", name);
    abort();
}

static double cell(Case *c, const char *name, int64_t row, int part) {
    union { float f[8]; int32_t i; } x = {{0}};
    void *out[DATA_FIELDS] = {NULL};
    int at = field(c, name);
    out[at] = &x;
    assert_int_equal(source_batch(&c->source, 0, row, out), 1);
    return c->source.field[at].sample.dtype == F32 ? (double)x.f[part] : x.i;
}

static void columns_are_fields(void **state) {
    (void)state;
    static const char *const texts[] = {
        "x,y size (cm),label\n1,2.5,7\n-3e2,.5,-1\n", "\xEF\xBB\xBFx,y size (cm),label\r\n1,2.5,7\r\n-3e2,.5,-1",
        "\n \"x\" ,\"y size (cm)\", label\n\n1 , \"2.5\",7\n\n-3e2,.5,-1\n\n"};
    for (size_t k = 0; k < sizeof texts / sizeof *texts; k++) {
        Case c;
        begin_csv(&c, texts[k]);
        load(&c);
        assert_int_equal(c.source.count, 2);
        assert_true(cell(&c, "x", 0, 0) == 1 && cell(&c, "x", 1, 0) == -300);
        assert_true(cell(&c, "y_size__cm_", 0, 0) == 2.5 && cell(&c, "y_size__cm_", 1, 0) == 0.5);
        assert_true(cell(&c, "label", 0, 0) == 7 && cell(&c, "label", 1, 0) == -1);
        end(&c);
    }
}

static void columns_together_are_a_vector(void **state) {
    (void)state;
    Case c;
    begin_csv(&c, "p2;kind;p1;q\n1;cat;2;3\n4;\"a; \"\"b\"\"\n\";5;6\n7;cat;8;9\n");
    set(&c, "separator", ";"), set(&c, "class", "kind");
    names(&c, (const char *const[]){"q", "p*"}, 2);
    load(&c);
    assert_int_equal(c.source.nfield, 2);
    static const double expected[3][3] = {{3, 1, 2}, {6, 4, 5}, {9, 7, 8}};
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++) assert_true(cell(&c, "features", i, k) == expected[i][k]);
    assert_true(cell(&c, "label", 0, 0) == 1 && cell(&c, "label", 1, 0) == 0 && cell(&c, "label", 2, 0) == 1);
    end(&c);
}

static void a_table_needs_no_header(void **state) {
    (void)state;
    Case c;
    begin_csv(&c, "1\t2\n3\t4\n5\t6\n");
    set(&c, "header", "false"), set(&c, "separator", "tab"), set(&c, "class", "c2"), set(&c, "classes", "4 6"), set(&c, "count", "3");
    load(&c);
    assert_int_equal(c.source.count, 2);
    assert_true(cell(&c, "c1", 0, 0) == 3 && cell(&c, "label", 1, 0) == 6);
    end(&c);
}

static void only_what_is_read_must_be_numbers(void **state) {
    (void)state;
    Case c;
    begin_csv(&c, "x,note\n1,hello\n");
    assert_true(source_open(&c.source));
    assert_true(source_want(&c.source, 0, c.source.loc) && source_load(&c.source));
    assert_true(cell(&c, "x", 0, 0) == 1);
    end(&c);
}

static void bad_cells_are_named_in_the_file(void **state) {
    (void)state;
    static const struct { const char *text; uint32_t line, col; const char *what; } wrong[] = {
        {"x,y\n1,2\n3,abc\n", 3, 3, "'abc' is no number, and the column 'y' is read as numbers"},
        {"x,y\n\"1\n\",2\n", 2, 1, "'1\n' is no number, and the column 'x' is read as numbers"},
        {"x,y\n1,2\n3, \n", 3, 4, "an empty cell in the column 'y', which is read as numbers"},
        {"x\n1\nnan\n", 3, 1, "'nan' in the column 'x' is no finite number below 3.4e38"},
        {"x\n1e39\n", 2, 1, "'1e39' in the column 'x' is no finite number below 3.4e38"},
        {"x,y\n1,2\n3\n", 3, 1, "with this cell the line ends: it has 1, the first line 2"},
        {"x,y\n1,2,3\n", 2, 5, "this line has more than the 2 cells of the first line"},
        {"x,y\n1,\"2\n3,4\n", 2, 3, "this quote is never closed"},
        {"x,y\n1,\"2\"3\n", 2, 6, "after a closing quote the cell ends; a quote inside quotes is doubled"},
        {"x,y\n1,\0012\n", 2, 3, "the byte 0x01 stands here: this is no table of text"},
        {"x,\"y\001\"\n1,2\n", 1, 5, "the byte 0x01 stands here: this is no table of text"},
        {"x,x\n1,2\n", 1, 3, "two columns are called 'x'"},
        {"\xC3\xA4,label\n1,\n", 2, 3, "an empty cell in the column 'label', which holds the classes"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        Case c;
        begin_csv(&c, wrong[i].text);
        assert_false(open_all(&c));
        const Diag *e = c.source.diags->first;
        assert_string_equal(e->text, wrong[i].what);
        assert_int_equal(e->loc.line, wrong[i].line), assert_int_equal(e->loc.col, wrong[i].col);
        assert_string_equal(c.source.diags->sources[e->loc.file].name, file_in("a.csv"));
        assert_int_equal(e->next->loc.line, 10);      /* the note leads to `path` in the spec */
        end(&c);
    }
}

static void wrong_tables_and_keys_are_named(void **state) {
    (void)state;
    Case c;
    begin_csv(&c, "x,y\n");
    refused_about(&c, "a.csv: holds no line after its header");
    begin_csv(&c, "\n\n");
    refused_about(&c, "a.csv: holds no line");
    begin_csv(&c, "");
    refused_about(&c, "a.csv: is empty");
    begin_csv(&c, "x,kind\n1,2\n"), set(&c, "class", "kidn");
    refused_about(&c, "has no column 'kidn', did you mean 'kind'?");
    begin_csv(&c, "x,y\n1,2\n");
    names(&c, (const char *const[]){"x", "z*"}, 2);
    refused_about(&c, "has no column 'z*'");
    begin_csv(&c, "x,features\n1,2\n");
    names(&c, (const char *const[]){"x"}, 1);
    refused_about(&c, "has a column called features of its own: with the key `columns` there would be two");
    begin_csv(&c, "x\n1\n"), set(&c, "separator", "::");
    refused(&c, 13, "toy: separator is one character or 'tab', not '::'");
    char wide[1000] = "", *p = wide;
    for (int row = 0; row < 2; row++)
        for (int i = 0; i < 70; i++) p += sprintf(p, "%d%s", i, i < 69 ? "," : "\n");
    begin_csv(&c, wide);
    refused_about(&c, "has 70 columns, and at most 64 can be fields of their own: take some together, `columns: ['x*']`");
    begin_csv(&c, wide);
    names(&c, (const char *const[]){"c*"}, 1);
    load(&c);
    assert_int_equal(c.source.field[0].sample.shape.dim[0], 70);
    end(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_fields),
        cmocka_unit_test(columns_together_are_a_vector),
        cmocka_unit_test(a_table_needs_no_header),
        cmocka_unit_test(only_what_is_read_must_be_numbers),
        cmocka_unit_test(bad_cells_are_named_in_the_file),
        cmocka_unit_test(wrong_tables_and_keys_are_named),
    };
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
