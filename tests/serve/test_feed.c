/* frames, feed, source: pictures out of a stream of bytes whatever stands around them; a child that ends, fails and comes
 * again; what ffmpeg and GStreamer are called with; real ffmpeg where it is installed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "io/image.h"
#include "io/image_jpeg.h"
#include "serve/feed.h"
#include "serve/frames.h"
#include "serve/source.h"
#include "support/support.h"

/* A picture as an encoder writes it. */
static gad_string make_jpeg(int side, uint8_t grey)
{
    gad_error err = {0};
    gad_image image = {0};
    gad_string jpeg = {0};
    ASSERT_OK(gad_image_new(side, side, 3, &image, &err), &err);
    for (int i = 0; i < side * side * 3; i++)
        image.pixels[i] = (uint8_t)(grey + i * i % 61); /* with all kinds of bytes in its code */
    ASSERT_OK(gad_image_jpeg_encode(&image, 90, &jpeg, &err), &err);
    gad_image_free(&image);
    return jpeg;
}

/* Bytes in pieces of that size; how many pictures there were, each of which is `wanted`. */
static int count_frames(const gad_string *stream, size_t piece, const gad_string *wanted)
{
    gad_frames frames = {0};
    int count = 0;
    for (size_t at = 0; at < stream->length; at += piece) {
        const char *jpeg;
        size_t size;
        gad_frames_add(&frames, stream->data + at, stream->length - at < piece ? stream->length - at : piece);
        for (; gad_frames_next(&frames, &jpeg, &size); count++) {
            assert_int_equal(size, wanted->length);
            assert_memory_equal(jpeg, wanted->data, size);
        }
    }
    gad_frames_free(&frames);
    return count;
}

static void test_frames(void **state)
{
    (void)state;
    static const size_t pieces[] = {1, 2, 7, 100, 4096, 1 << 20};
    gad_string jpeg = make_jpeg(40, 20), stream = {0};
    for (int i = 0; i < 3; i++) {
        gad_string_add(&stream, "--frame\r\nContent-Type: image/jpeg\r\n\r\n"); /* as IP cameras send it */
        gad_string_append(&stream, jpeg.data, jpeg.length);
    }
    gad_string_append(&stream, jpeg.data, jpeg.length / 2); /* cut off */
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++)
        assert_int_equal(count_frames(&stream, pieces[i], &jpeg), 3);
    gad_string_free(&stream);

    /* a thumbnail within, filling bytes, a restart marker and a stuffed byte in the code, and a comment that looks like an
     * end */
    static const char nested[] = "\xFF\xD8\xFF\xFF\xE1\x00\x0A\xFF\xD8\xFF\xD9\x01\x02\x03\x04\xFF\xFE\x00\x04\xFF\xD9"
                                 "\xFF\xDA\x00\x03\x01\xAA\xFF\x00\xFF\xD0\xBB\xFF\xD9";
    gad_string one = {0};
    gad_string_append(&one, nested, sizeof nested - 1);
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++)
        assert_int_equal(count_frames(&one, pieces[i], &one), 1);

    /* damaged ones are passed over: the next is found */
    static const char damaged[] = "\xFF\xD8 no segment \xFF\xD8\xFF\xE0\x00\x00";
    gad_string_append(&stream, damaged, sizeof damaged - 1);
    gad_string_append(&stream, one.data, one.length);
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++)
        assert_int_equal(count_frames(&stream, pieces[i], &one), 1);
    gad_string_free(&stream);
    gad_string_free(&one);
    gad_string_free(&jpeg);
}

typedef struct heard {
    int count;
    char last[1024];
} heard;

static void hear(void *user, gad_log_level level, const char *message)
{
    heard *h = user;
    h->count += level == GAD_LOG_WARNING;
    snprintf(h->last, sizeof h->last, "%s", message);
}

/* All items, at most `most`; their number. */
static int drain(gad_feed *feed, int most, gad_status *status, gad_error *err)
{
    bool found = false, ended = false;
    int count = 0;
    double until_s = gad_clock_seconds() + 30;
    *status = GAD_OK;
    while (!*status && !ended && count < most && gad_clock_seconds() < until_s) {
        gad_feed_item item = {0};
        *status = gad_feed_next(feed, 0.2, &item, &found, &ended, err);
        if (!*status && found) {
            count++;
            assert_true((item.jpeg.length > 0) != (item.path.length > 0));
        }
        gad_feed_item_free(&item);
    }
    return count;
}

#define SHELL(text)                                                                                                        \
    (const char *const[])                                                                                                  \
    {                                                                                                                      \
        "/bin/sh", "-c", text, NULL                                                                                        \
    }
#define PICTURE "printf '\\377\\330\\377\\331'"

/* A live child that ends is started again, what it said is told, without passwords. */
static void test_live(void **state)
{
    (void)state;
    gad_error err = {0};
    gad_status status;
    gad_feed *feed = NULL;
    heard h = {0};
    const gad_log log = {hear, &h};
    gad_feed_settings settings = {.command = SHELL(PICTURE "; echo rtsp://me:secret@cam/1: lost >&2; exit 3"),
                                  .live = true,
                                  .longest_pause_s = 0.2,
                                  .log = &log};
    ASSERT_OK(gad_feed_open(&settings, &feed, &err), &err);
    assert_int_equal(drain(feed, 3, &status, &err), 3);
    ASSERT_OK(status, &err);
    gad_feed_close(feed);
    assert_true(h.count >= 2);
    assert_non_null(strstr(h.last, "code 3: rtsp://***@cam/1: lost; it is started again in 0.2 s"));
    assert_null(strstr(h.last, "secret"));

    /* of pictures that come faster than they are taken the newest waits */
    settings.command = SHELL("for i in 1 2 3 4 5; do " PICTURE "; done; sleep 20");
    ASSERT_OK(gad_feed_open(&settings, &feed, &err), &err);
    for (int i = 0; i < 200 && gad_feed_passed_over(feed) < 4; i++)
        usleep(20000);
    assert_int_equal(gad_feed_passed_over(feed), 4);
    double start_s = gad_clock_seconds();
    gad_feed_close(feed); /* ends the child, which sleeps */
    assert_true(gad_clock_seconds() - start_s < 5);
}

/* A film: every picture counts, its end is the end; a failure is an error with what was said. */
static void test_film(void **state)
{
    (void)state;
    gad_error err = {0};
    gad_status status;
    gad_feed *feed = NULL;
    gad_feed_settings settings = {.command = SHELL("for i in 1 2 3 4 5; do " PICTURE "; done")};
    ASSERT_OK(gad_feed_open(&settings, &feed, &err), &err);
    assert_int_equal(drain(feed, 100, &status, &err), 5);
    ASSERT_OK(status, &err);
    gad_feed_close(feed);

    settings.command = SHELL(PICTURE "; echo 'no such codec' >&2; exit 1");
    ASSERT_OK(gad_feed_open(&settings, &feed, &err), &err);
    assert_int_equal(drain(feed, 100, &status, &err), 1);
    assert_int_equal(status, GAD_E_IO);
    assert_non_null(strstr(err.cause, "no such codec"));
    gad_feed_close(feed);

    settings.command = (const char *const[]){"/nonexistent/ffmpeg", NULL};
    ASSERT_OK(gad_feed_open(&settings, &feed, &err), &err);
    assert_int_equal(drain(feed, 100, &status, &err), 0);
    assert_int_equal(status, GAD_E_IO);
    assert_non_null(strstr(err.cause, "/nonexistent/ffmpeg"));
    gad_feed_close(feed);
}

static void test_too_long(void **state)
{
    (void)state;
    gad_error err = {0};
    gad_status status;
    gad_feed *feed = NULL;
    int ends[2];
    char line[6000];
    memset(line, 'a', sizeof line);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], line, sizeof line), (ssize_t)sizeof line);
    close(ends[1]);
    ASSERT_OK(gad_feed_open(&(gad_feed_settings){.file = ends[0]}, &feed, &err), &err);
    assert_int_equal(drain(feed, 100, &status, &err), 0);
    assert_int_equal(status, GAD_E_LIMIT);
    gad_feed_close(feed);
    close(ends[0]);
}

/* ---- what is called ------------------------------------------------------------------------------------------------ */

static const char *joined(const gad_source *s)
{
    static char text[2048];
    text[0] = 0;
    for (int i = 0; s->argument[i]; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", i ? " " : "", s->argument[i]);
    return text;
}

/* A folder with programs of these names is all that PATH names. */
static void install(const char *name)
{
    gad_error err = {0};
    char folder[1024];
    snprintf(folder, sizeof folder, "%s", support_scratch(GAD_TEST_TMP, "bin"));
    ASSERT_OK(gad_file_remove(folder, &err), &err);
    ASSERT_OK(gad_file_make_directory(folder, &err), &err);
    if (name) {
        const char *path = support_scratch(folder, name);
        ASSERT_OK(gad_file_write(path, "#!/bin/sh\n", 10, &err), &err);
        assert_int_equal(chmod(path, 0755), 0);
    }
    setenv("PATH", folder, 1);
}

static void test_commands(void **state)
{
    (void)state;
    gad_error err = {0};
    gad_source s;
    char kept[4096];
    snprintf(kept, sizeof kept, "%s", getenv("PATH"));
    const char *film = support_scratch(GAD_TEST_TMP, "film.mp4");
    ASSERT_OK(gad_file_write(film, "film", 4, &err), &err);
    install("ffmpeg");
    ASSERT_OK(gad_source_make("rtsp://cam/1", NULL, 2, &s, &err), &err);
    assert_string_equal(joined(&s), "ffmpeg -nostdin -hide_banner -loglevel error -rtsp_transport tcp -i rtsp://cam/1 -an "
                                    "-vf fps=2 -c:v mjpeg -q:v 2 -f image2pipe pipe:1");
    assert_true(s.live);
    ASSERT_OK(gad_source_make("/dev/video0", NULL, 0, &s, &err), &err);
    assert_non_null(strstr(joined(&s), "-f v4l2 -i /dev/video0 -an -c:v"));
    ASSERT_OK(gad_source_make(film, NULL, 0, &s, &err), &err);
    assert_false(s.live);
    ASSERT_OK(gad_source_make(NULL, "my camera", 0, &s, &err), &err);
    assert_string_equal(joined(&s), "/bin/sh -c my camera");
    install("gst-launch-1.0");
    ASSERT_OK(gad_source_make("/dev/video0", NULL, 0.5, &s, &err), &err);
    assert_string_equal(joined(&s), "gst-launch-1.0 -q v4l2src device=/dev/video0 ! videorate ! "
                                    "video/x-raw,framerate=500/1000 ! videoconvert ! jpegenc quality=92 ! fdsink fd=1");
    ASSERT_OK(gad_source_make("rtsp://cam/1", NULL, 0, &s, &err), &err);
    assert_non_null(strstr(joined(&s), "uridecodebin uri=rtsp://cam/1 ! videoconvert"));
    install(NULL);
    assert_int_equal(gad_source_make("rtsp://cam/1", NULL, 0, &s, &err), GAD_E_IO);
    assert_non_null(strstr(err.cause, "ffmpeg"));
    setenv("PATH", kept, 1);
}

/* A film of real pictures through the real program. */
static void test_ffmpeg(void **state)
{
    (void)state;
    gad_error err = {0};
    gad_status status;
    gad_feed *feed = NULL;
    gad_source s;
    char film[1024], make[2048];
    if (system("ffmpeg -version >/dev/null 2>&1"))
        SKIP_TEST("ffmpeg", "it is not installed");
    snprintf(film, sizeof film, "%s", support_scratch(GAD_TEST_TMP, "real.mp4"));
    snprintf(make, sizeof make,
             "ffmpeg -nostdin -loglevel error -y -f lavfi -i testsrc=size=320x240:rate=10:duration=3 -pix_fmt yuv420p %s",
             film);
    assert_int_equal(system(make), 0);
    ASSERT_OK(gad_source_make(film, NULL, 2, &s, &err), &err);
    ASSERT_OK(gad_feed_open(&(gad_feed_settings){.command = s.argument}, &feed, &err), &err);
    for (int i = 0; i < 6; i++) {
        gad_feed_item item = {0};
        gad_image image = {0};
        bool found = false, ended = false;
        while (!found && !ended)
            ASSERT_OK(gad_feed_next(feed, 1, &item, &found, &ended, &err), &err);
        assert_true(found);
        ASSERT_OK(gad_image_decode(item.jpeg.data, item.jpeg.length, "picture", 0, &image, &err), &err);
        assert_true(image.width == 320 && image.height == 240);
        gad_image_free(&image);
        gad_feed_item_free(&item);
    }
    assert_int_equal(drain(feed, 100, &status, &err), 0);
    ASSERT_OK(status, &err);
    gad_feed_close(feed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_frames),   cmocka_unit_test(test_live),
                                       cmocka_unit_test(test_film),     cmocka_unit_test(test_too_long),
                                       cmocka_unit_test(test_commands), cmocka_unit_test(test_ffmpeg)};
    return cmocka_run_group_tests_name("feed", tests, NULL, NULL);
}
