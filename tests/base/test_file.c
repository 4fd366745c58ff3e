/* file: only regular files are read, at once; the writer follows links, writes into what is no regular file, keeps
 * permissions, and takes every name that the file system takes. */
#include "base/file.h"
#include "base/hash.h"
#include "base/memory.h"
#include "support/support.h"

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static const char *fresh(const char *name)
{
    gad_error err;
    const char *path = support_scratch(GAD_TEST_TMP, name);
    ASSERT_OK(gad_file_remove(path, &err), &err);
    return path;
}

static void put(const char *path, const char *text)
{
    gad_error err;
    ASSERT_OK(gad_file_write(path, text, strlen(text), &err), &err);
}

static void assert_content(const char *path, const char *text)
{
    gad_error err;
    char *data;
    size_t size;
    ASSERT_OK(gad_file_read(path, 4096, &data, &size, &err), &err);
    assert_string_equal(data, text);
    gad_memory_free(data);
}

static mode_t mode_of(const char *path)
{
    struct stat info;
    assert_int_equal(lstat(path, &info), 0);
    return info.st_mode;
}

/* ---- reading ---- */

static void assert_refused(const char *path, const char *kind)
{
    gad_error err;
    char *data;
    size_t size;
    gad_file_map map;
    gad_hash hash;
    FILE *stream;
    assert_int_equal(gad_file_read(path, 4096, &data, &size, &err), GAD_E_IO);
    if (!strstr(err.cause, kind))
        fail_msg("\"%s\" does not say \"%s\"", err.cause, kind);
    assert_int_equal(gad_file_map_open(path, &map, &err), GAD_E_IO);
    assert_int_equal(gad_file_open(path, &stream, &err), GAD_E_IO);
    assert_int_equal(gad_hash_file(path, &hash, &err), GAD_E_IO);
}

static void test_special_files_are_not_read(void **state)
{
    (void)state;
    const char *fifo = fresh("read.fifo"), *link = fresh("fifo.link"), *name = fresh("read.socket");
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_int_equal(symlink(fifo, link), 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int made = socket(AF_UNIX, SOCK_STREAM, 0);
    alarm(20); /* waiting is the failure */
    assert_refused(fifo, "a FIFO");
    assert_refused(link, "a FIFO");
    assert_refused("/dev/null", "a device");
    assert_refused("/dev/zero", "a device");
    assert_refused(GAD_TEST_TMP, "a folder");
    if (strlen(name) < sizeof address.sun_path) {
        strcpy(address.sun_path, name);
        assert_int_equal(bind(made, (const struct sockaddr *)&address, sizeof address), 0);
        assert_refused(name, "a socket");
    }
    alarm(0);
    close(made);
}

/* ---- writing ---- */

static void test_links_are_followed(void **state)
{
    (void)state;
    const char *real = fresh("real.txt"), *link = fresh("link.txt"), *second = fresh("second.txt"),
               *dangling = fresh("dangling.txt"), *loop = fresh("loop.txt");
    gad_error err;
    put(real, "old");
    assert_int_equal(symlink("real.txt", link), 0); /* relative to the link's folder */
    assert_int_equal(symlink(link, second), 0);
    put(second, "new");
    assert_true(S_ISLNK(mode_of(link)) && S_ISLNK(mode_of(second)));
    assert_content(real, "new");
    assert_int_equal(symlink("nothing-yet.txt", dangling), 0);
    const char *target = fresh("nothing-yet.txt");
    put(dangling, "made");
    assert_true(S_ISLNK(mode_of(dangling)));
    assert_content(target, "made");
    assert_int_equal(symlink(loop, loop), 0);
    assert_int_equal(gad_file_write(loop, "x", 1, &err), GAD_E_IO);
    assert_true(S_ISLNK(mode_of(loop)));
}

static void *read_fifo(void *path)
{
    static char text[64];
    FILE *file = fopen(path, "re");
    size_t n = file ? fread(text, 1, sizeof text - 1, file) : 0;
    text[n] = 0;
    if (file)
        fclose(file);
    return text;
}

static void test_special_files_are_written_into(void **state)
{
    (void)state;
    char *fifo = (char *)(uintptr_t)fresh("write.fifo");
    const char *link = fresh("null.link"), *shared = fresh("shared.txt");
    pthread_t reader;
    void *text;
    char name[64];
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_int_equal(pthread_create(&reader, NULL, read_fifo, fifo), 0);
    put(fifo, "through");
    pthread_join(reader, &text);
    assert_string_equal(text, "through");
    assert_true(S_ISFIFO(mode_of(fifo)));
    put("/dev/null", "gone");
    assert_true(S_ISCHR(mode_of("/dev/null")));
    assert_int_equal(symlink("/dev/null", link), 0);
    put(link, "gone");
    assert_true(S_ISLNK(mode_of(link)));
    /* A descriptor that somebody else writes to as well: behind what is there, in that very file. */
    int fd = open(shared, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, "one ", 4), 4);
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    put(name, "two ");
    assert_int_equal(write(fd, "three", 5), 5);
    close(fd);
    assert_content(shared, "one two three");
}

static void test_permissions_are_kept(void **state)
{
    (void)state;
    const char *path = fresh("mode.txt"), *made = fresh("new.txt");
    put(path, "old");
    assert_int_equal(chmod(path, 0640), 0);
    put(path, "new");
    assert_int_equal(mode_of(path) & 07777, 0640);
    assert_content(path, "new");
    mode_t mask = umask(027);
    put(made, "x");
    umask(mask);
    assert_int_equal(mode_of(made) & 07777, 0640);
}

static void *write_many(void *user)
{
    gad_error err;
    for (int i = 0; i < 200; i++) {
        char path[700];
        snprintf(path, sizeof path, "%s/race-%zu-%d", GAD_TEST_TMP, (size_t)(uintptr_t)user, i);
        if (gad_file_write(path, "x", 1, &err) || mode_of(path) != (S_IFREG | 0640) || unlink(path))
            return user;
    }
    return NULL;
}

/* Files that threads write at the same time get the mode that the umask says, and leave it as it was. */
static void test_umask_of_threads(void **state)
{
    (void)state;
    enum { THREADS = 4 };
    pthread_t thread[THREADS];
    void *failed[THREADS];
    mode_t mask = umask(027);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, write_many, (void *)(uintptr_t)(i + 1)), 0);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(thread[i], &failed[i]), 0);
    assert_int_equal(umask(mask), 027);
    for (size_t i = 0; i < THREADS; i++)
        assert_null(failed[i]);
}

static void test_longest_names(void **state)
{
    (void)state;
    char name[NAME_MAX + 2];
    gad_error err;
    memset(name, 'n', sizeof name);
    name[NAME_MAX] = 0;
    const char *path = fresh(name);
    put(path, "first");
    put(path, "long");
    assert_content(path, "long");
    ASSERT_OK(gad_file_remove(path, &err), &err);
    name[NAME_MAX] = 'n';
    name[NAME_MAX + 1] = 0;
    assert_int_equal(gad_file_write(support_scratch(GAD_TEST_TMP, name), "x", 1, &err), GAD_E_IO);
}

static void test_folders_are_not_replaced(void **state)
{
    (void)state;
    gad_error err;
    const char *folder = fresh("a-folder");
    ASSERT_OK(gad_file_make_directory(folder, &err), &err);
    assert_int_equal(gad_file_write(folder, "x", 1, &err), GAD_E_IO);
    assert_non_null(strstr(err.cause, "directory"));
    assert_true(S_ISDIR(mode_of(folder)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_special_files_are_not_read),
        cmocka_unit_test(test_links_are_followed),
        cmocka_unit_test(test_special_files_are_written_into),
        cmocka_unit_test(test_permissions_are_kept),
        cmocka_unit_test(test_umask_of_threads),
        cmocka_unit_test(test_longest_names),
        cmocka_unit_test(test_folders_are_not_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
