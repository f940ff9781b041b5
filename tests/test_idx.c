/* idx files: plain and packed, found and missing, broken in every way. */
#include <sys/socket.h>
#include <sys/un.h>
#include <zlib.h>

#include "datasets/kind.h"

#include "source.h"

static char folder[64];

static char *file_in(const char *name) {
    static char path[4][160];
    static int turn;
    char *p = path[turn++ % 4];
    snprintf(p, sizeof path[0], "%s/%s", folder, name);
    return p;
}

/* Writes an IDX file of `rank` sizes; the bytes count up; `extra` bytes more or less than the header states.
 */
static void write_idx(const char *name, bool packed, int rank, const int *size, int extra) {
    int total = extra;
    uint8_t head[16] = {0, 0, 8, (uint8_t)rank}, all[4096];
    for (int i = 0; i < rank; i++)
        head[4 + 4 * i + 3] = (uint8_t)size[i], head[4 + 4 * i + 2] = (uint8_t)(size[i] >> 8);
    total += rank == 1 ? size[0] : size[0] * size[1] * size[2];
    for (int i = 0; i < total; i++) all[i] = (uint8_t)i;
    gzFile f = gzopen(file_in(name), packed ? "wb" : "wbT");
    assert_non_null(f);
    assert_int_equal(gzwrite(f, head, 4 + 4 * (unsigned)rank), 4 + 4 * rank);
    assert_int_equal(gzwrite(f, all, (unsigned)total), total);
    gzclose(f);
}

static void cut(const char *name, long keep, long flip) {
    FILE *f = fopen(file_in(name), "r+");
    assert_non_null(f);
    if (flip >= 0) {
        fseek(f, flip, SEEK_SET);
        int c = fgetc(f);
        fseek(f, flip, SEEK_SET);
        fputc(c ^ 0xFF, f);
    }
    fclose(f);
    if (keep >= 0) assert_int_equal(truncate(file_in(name), keep), 0);
}

#define IMAGES "train-images-idx3-ubyte"
#define LABELS "train-labels-idx1-ubyte"

static int make_folder(void **state) {
    (void)state;
    strcpy(folder, "/tmp/graphrun-idx-XXXXXX");
    if (!mkdtemp(folder)) return 1;
    write_idx(IMAGES, false, 3, (int[]){10, 3, 2}, 0);
    write_idx(LABELS, false, 1, (int[]){10}, 0);
    return 0;
}

static int drop_folder(void **state) {
    (void)state;
    static const char *const names[] = {
        IMAGES, LABELS, IMAGES ".gz", LABELS ".gz", "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz",
        "words", "mnist"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) unlink(file_in(names[i]));
    return rmdir(folder);
}

static void begin_idx(Case *c, const char *path) {
    begin(c, "idx");
    set(c, "path", path), set(c, "batch", "2"), set(c, "order", "sequential");
}

static void idx_files_are_read_plain_and_packed(void **state) {
    (void)state;
    write_idx("t10k-images-idx3-ubyte.gz", true, 3, (int[]){10, 3, 2}, 0);
    write_idx("t10k-labels-idx1-ubyte.gz", true, 1, (int[]){10}, 0);
    for (int k = 0; k < 3; k++) {
        Case c;
        begin_idx(&c, k == 2 ? file_in(IMAGES) : folder);
        if (k == 1) set(&c, "split", "test");
        load(&c);
        assert_int_equal(c.source.total, 10);
        Shape expected = SHAPE(3, 2, 1);
        assert_true(shape_equal(&c.source.field[0].sample.shape, &expected));
        float image[2][6];
        int32_t label[2];
        assert_int_equal(source_batch(&c.source, 0, 3, (void *[]){image, label}), 2);
        for (int i = 0; i < 12; i++) assert_true(image[i / 6][i % 6] == (float)(36 + i) / 255);
        assert_int_equal(label[0], 6), assert_int_equal(label[1], 7);
        end(&c);
    }
}

static void relative_paths_are_looked_for_in_the_data_folder(void **state) {
    (void)state;
    Case c;
    begin_idx(&c, strrchr(folder, '/') + 1);
    set(&c, "count", "4");
    setenv("GRAPHRUN_DATA", "/tmp", 1);
    load(&c);
    unsetenv("GRAPHRUN_DATA");
    assert_string_equal(c.source.path, folder);
    assert_int_equal(c.source.count, 4);
    end(&c);
    begin_idx(&c, "no/such");
    refused(&c, 10, "toy: no/such: there is no such file or folder here, and GRAPHRUN_DATA, the folder to look in next, is not set");
    begin_idx(&c, "no/such");
    setenv("GRAPHRUN_DATA", "/tmp", 1);
    refused(&c, 10, "toy: no/such: there is no such file or folder here or in /tmp (GRAPHRUN_DATA)");
    unsetenv("GRAPHRUN_DATA");
    begin_idx(&c, "/no/such");
    refused(&c, 10, "toy: /no/such: there is no such file or folder");
}

static char *says(const char *file, const char *what) {
    static char text[400];
    snprintf(text, sizeof text, "toy: %s: %s", *file ? file_in(file) : folder, what);
    return text;
}

static void a_file_of_labels_can_be_named(void **state) {
    (void)state;
    Case c;
    write_idx("words", false, 1, (int[]){10}, 0);
    begin_idx(&c, file_in(IMAGES));
    set(&c, "labels", file_in("words"));
    load(&c);
    end(&c);
    begin_idx(&c, file_in(IMAGES));
    set(&c, "labels", folder);
    refused(&c, 10, says("", "is a folder, not a file"));
    begin_idx(&c, "/dev/null");
    set(&c, "labels", "/dev/null");
    refused(&c, 10, "toy: /dev/null: is no regular file");
}

static void broken_idx_files_are_named(void **state) {
    (void)state;
    Case c;
    unlink(file_in(LABELS));
    begin_idx(&c, folder);
    refused(&c, 10, says("", "holds neither " LABELS " nor " LABELS ".gz"));
    begin_idx(&c, file_in(IMAGES));
    char text[300];
    snprintf(text, sizeof text, "there is no %s beside it: say `labels: FILE`", file_in(LABELS));
    refused(&c, 10, says(IMAGES, text));
    write_idx("words", false, 1, (int[]){3}, 0);
    begin_idx(&c, file_in("words"));
    refused(&c, 10, says("words", "is no folder, and its name has no 'images' in it to find the labels by: say `labels: FILE`"));

    write_idx(LABELS, false, 1, (int[]){9}, 0);
    begin_idx(&c, folder);
    snprintf(text, sizeof text, "has 10 images, but %s has 9 labels", file_in(LABELS));
    refused(&c, 10, says(IMAGES, text));
    write_idx(LABELS, false, 1, (int[]){0}, 0);
    begin_idx(&c, folder);
    refused(&c, 10, says(LABELS, "its header states a size of 0"));
    write_idx(LABELS, false, 1, (int[]){10}, -1);
    begin_idx(&c, folder);
    refused(&c, 10, says(LABELS, "its header states 18 bytes, and it has 17: it is cut off or damaged; fetch it again"));
    write_idx(LABELS, false, 1, (int[]){10}, 1);
    begin_idx(&c, folder);
    refused(&c, 10, says(LABELS, "its header states 18 bytes, and it has 19: it is cut off or damaged; fetch it again"));
    write_idx(LABELS, false, 1, (int[]){10}, 0);
    cut(LABELS, 0, -1);
    begin_idx(&c, folder);
    refused(&c, 10, says(LABELS, "is empty"));
    write_idx(LABELS, false, 1, (int[]){10}, 0);
    cut(LABELS, 3, -1);
    begin_idx(&c, folder);
    refused(&c, 10, says(LABELS, "ends too early: it is cut off; fetch it again"));
    write_idx(LABELS, false, 1, (int[]){10}, 0);
    cut(LABELS, -1, 3);
    begin_idx(&c, folder);
    refused(&c, 10, says(LABELS, "is no IDX file of labels: it begins with 000008fe, not 00000801"));

    unlink(file_in(LABELS));
    write_idx(LABELS ".gz", true, 1, (int[]){200}, 0);
    write_idx(IMAGES, false, 3, (int[]){200, 2, 2}, 0);
    cut(LABELS ".gz", 60, -1);
    begin_idx(&c, folder);
    refused(&c, 10, says(LABELS ".gz", "ends too early: it is cut off; fetch it again"));
    write_idx(LABELS ".gz", true, 1, (int[]){200}, 1);
    begin_idx(&c, folder);
    refused(&c, 10, says(LABELS ".gz", "goes on after the end that its header states"));
    write_idx(LABELS ".gz", true, 1, (int[]){65535}, -65530);
    begin_idx(&c, folder);
    refused_about(&c, LABELS ".gz: its header states 65543 bytes, and it is packed into ");
    for (int flip = 0; flip < 2; flip++) { /* in the data; in the sum at the end */
        write_idx(LABELS ".gz", true, 1, (int[]){200}, 0);
        FILE *f = fopen(file_in(LABELS ".gz"), "r");
        assert_non_null(f);
        fseek(f, 0, SEEK_END);
        long size = ftell(f);
        fclose(f);
        cut(LABELS ".gz", -1, flip ? size - 6 : 10);
        begin_idx(&c, folder);
        refused(&c, 10, says(LABELS ".gz", "its gzip data are corrupt"));
    }
}

static void the_default_is_mnist_where_at_hand(void **state) {
    (void)state;
    Case c;
    begin(&c, "idx");
    set(&c, "batch", "2");
    assert_int_equal(symlink(folder, file_in("mnist")), 0);
    setenv("GRAPHRUN_DATA", folder, 1);
    load(&c);
    unsetenv("GRAPHRUN_DATA");
    assert_string_equal(c.source.path, file_in("mnist"));
    assert_int_equal(c.source.count, 10);
    end(&c);
}

static void else_it_is_fashion_mnist_where_installed(void **state) {
    (void)state;
    Case c;
    begin(&c, "idx");
    set(&c, "batch", "1000"), set(&c, "split", "test");
    if (access("/usr/share/datasets/fashion-mnist", F_OK)) {
        refused(&c, 1,
                "toy: mnist: there is no such folder here or in GRAPHRUN_DATA, and no Fashion-MNIST; install Debian's "
                "package dataset-fashion-mnist, or say `path: FOLDER`");
        return;
    }
    load(&c);
    static float image[1000][28][28];
    static int32_t label[1000];
    int times[10] = {0};
    double sum = 0;
    for (int64_t k = 0; k < 10; k++) {
        assert_int_equal(source_batch(&c.source, 0, k, (void *[]){image, label}), 1000);
        for (int i = 0; i < 1000; i++) times[label[i]]++;
        for (int i = 0; i < 784000; i++) sum += (double)((float *)image)[i];
    }
    for (int i = 0; i < 10; i++) assert_int_equal(times[i], 1000);
    assert_true(fabs(sum / 7840000 - 0.2868) < 0.0005); /* the test set's published mean */
    end(&c);
}

/* The sanitizer's malloc gives NULL for too much, as the system's does. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) { return "allocator_may_return_null=1"; }

static void what_the_system_says_of_a_file_is_passed_on(void **state) {
    (void)state;
    Case c;
    char name[400];
    memset(name, 'x', sizeof name - 1), name[sizeof name - 1] = 0;
    begin_idx(&c, name);
    refused_about(&c, "File name too long");
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    snprintf(at.sun_path, sizeof at.sun_path, "%s", file_in("words"));
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    begin_idx(&c, at.sun_path);
    set(&c, "labels", at.sun_path);
    refused_about(&c, "No such device or address");
    close(fd);
    begin_idx(&c, folder);
    assert_null(source_room(&c.source, "big", SIZE_MAX / 2));
    assert_string_equal(c.source.diags->first->text, "toy: big: no memory for 9223372036854775807 bytes of it");
    end(&c);
}

/* The four files of MNIST, where they are at hand: GRAPHRUN_DATA, or a folder of data beside the source tree. */
static const char *data_given;

static void mnist_is_read_as_published(void **state) {
    (void)state;
    const char *beside = SOURCE_DIR "/../shared/data";
    char path[1000];
    snprintf(path, sizeof path, "%s/mnist", data_given ? data_given : beside);
    if (access(path, F_OK)) {
        print_message("no MNIST at %s: skipped\n", path);
        skip();
    }
    static const struct { const char *split; int64_t n; double mean; int ones; } part[] = {
        {"train", 60000, 0.13066, 6742}, {"test", 10000, 0.13251, 1135}};       /* means as commonly published */
    for (int k = 0; k < 2; k++) {
        Case c;
        begin_idx(&c, path);
        set(&c, "split", part[k].split);
        load(&c);
        assert_int_equal(c.source.count, part[k].n);
        double sum = 0;
        int ones = 0;
        for (int64_t i = 0; i < part[k].n; i++) {
            float image[784];
            int32_t label;
            source_sample(&c.source, i, (void *[]){image, &label}, NULL);
            ones += label == 1;
            for (int p = 0; p < 784; p++) sum += (double)image[p];
        }
        assert_int_equal(ones, part[k].ones);
        assert_true(fabs(sum / (double)part[k].n / 784 - part[k].mean) < 1e-5);
        end(&c);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(idx_files_are_read_plain_and_packed, make_folder, drop_folder),
        cmocka_unit_test_setup_teardown(relative_paths_are_looked_for_in_the_data_folder, make_folder,
                                        drop_folder),
        cmocka_unit_test_setup_teardown(a_file_of_labels_can_be_named, make_folder, drop_folder),
        cmocka_unit_test_setup_teardown(broken_idx_files_are_named, make_folder, drop_folder),
        cmocka_unit_test_setup_teardown(the_default_is_mnist_where_at_hand, make_folder, drop_folder),
        cmocka_unit_test(else_it_is_fashion_mnist_where_installed),
        cmocka_unit_test_setup_teardown(what_the_system_says_of_a_file_is_passed_on, make_folder, drop_folder),
        cmocka_unit_test(mnist_is_read_as_published),
    };
    data_given = getenv("GRAPHRUN_DATA");
    unsetenv("GRAPHRUN_DATA");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
