/* reward: see reward.h */
#include "train/reward.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"

static const char operation[] = "give rewards";

/* ---- the papers' --------------------------------------------------------------------------------------------------- */

static double give_mmr(const gad_score *score, const gad_reward_parts *parts)
{
    return gad_score_reward_mm(score, &parts->mm);
}

static double give_vd(const gad_score *score, const gad_reward_parts *parts)
{
    return gad_score_reward_vd(score, &parts->vd);
}

static const gad_reward_kind KINDS[] = {
    {"mmr", give_mmr}, /* Anomaly-R1's */
    {"vd", give_vd},   /* VD-DeepStack's equation 11 */
};

const gad_reward_kind *gad_reward_find(const char *name)
{
    for (size_t i = 0; i < sizeof KINDS / sizeof KINDS[0]; i++)
        if (!strcmp(KINDS[i].name, name))
            return &KINDS[i];
    return NULL;
}

/* ---- a program of the user's --------------------------------------------------------------------------------------- */

/* A socket pair serves both ways; a write to a program that died is an error and no signal. The program leads a process
 * group of its own, so that a hanging one can be ended with all that it started. */
static gad_status start_program(const char *command, gad_reward_judge *judge, gad_error *err)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
        return gad_error_system(err, operation, command, errno);
    pid_t program = fork();
    if (program == 0) {
        setpgid(0, 0);
        dup2(ends[1], 0);
        dup2(ends[1], 1);
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    struct timeval limit = {.tv_sec = judge->timeout_s}; /* 0: none */
    setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    int copy = program > 0 ? dup(ends[0]) : -1;
    judge->to = copy >= 0 ? fdopen(ends[0], "w") : NULL;
    judge->from = copy >= 0 ? fdopen(copy, "r") : NULL;
    judge->program = program > 0 ? program : 0;
    if (judge->to && judge->from)
        return GAD_OK;
    if (!judge->to)
        close(ends[0]);
    return gad_error_system(err, operation, command, errno);
}

gad_reward_settings gad_reward_default(void)
{
    return (gad_reward_settings){.kind = "mmr", .iou = 0.5, .miss = 0.2, .false_box = -1, .floor = -1, .timeout_s = 60};
}

static gad_reward_parts parts_of(const gad_reward_settings *s)
{
    gad_reward_parts parts = {.cover = {.iou = s->iou}, .mm = gad_score_mm_default(), .vd = gad_score_vd_default()};
    parts.mm.miss = parts.vd.miss = s->miss;
    parts.mm.lower_bound = s->floor;
    if (s->false_box >= 0)
        parts.mm.false_box = parts.vd.false_box = s->false_box;
    return parts;
}

gad_status gad_reward_open(const gad_tokenizer *tokenizer, const gad_reward_settings *settings, gad_reward_judge *judge,
                           gad_error *err)
{
    *judge = (gad_reward_judge){.tokenizer = tokenizer,
                                .kind = gad_reward_find(settings->kind),
                                .parts = parts_of(settings),
                                .timeout_s = settings->timeout_s};
    if (!judge->kind)
        return gad_error_set(err, GAD_E_ARGUMENT, operation, "mmr or vd", "there is no reward called %s", settings->kind);
    gad_status status = settings->command ? start_program(settings->command, judge, err) : GAD_OK;
    if (status)
        gad_reward_close(judge);
    return status;
}

/* Its input has ended: it has a second to end as well. */
static void end_program(pid_t program)
{
    const struct timespec pause = {.tv_nsec = 20000000};
    for (int i = 0; i < 50; i++) {
        if (waitpid(program, NULL, WNOHANG))
            return;
        nanosleep(&pause, NULL);
    }
    kill(-program, SIGKILL);
    waitpid(program, NULL, 0);
}

void gad_reward_close(gad_reward_judge *judge)
{
    if (judge->to)
        fclose(judge->to);
    if (judge->from)
        fclose(judge->from);
    if (judge->program)
        end_program(judge->program);
    *judge = (gad_reward_judge){0};
}

static gad_status ask_program(gad_reward_judge *judge, const gad_example *example, gad_reward *reward, gad_error *err)
{
    gad_string line = {0};
    char reply[128], *end;
    gad_string_add(&line, "{\"text\":");
    gad_string_add_json(&line, gad_string_text(&reward->text));
    gad_string_addf(&line, ",\"anomalous\":%s,\"width\":%g,\"height\":%g,\"boxes\":[",
                    example->truth.anomalous ? "true" : "false", example->frame.width_px, example->frame.height_px);
    for (size_t i = 0; i < example->truth.count; i++) {
        const gad_box *b = &example->truth.boxes[i];
        gad_string_addf(&line, "%s[%g,%g,%g,%g]", i ? "," : "", b->x1, b->y1, b->x2, b->y2);
    }
    gad_string_add(&line, "]}\n");
    bool sent = !line.failed && send(fileno(judge->to), line.data, line.length, MSG_NOSIGNAL) == (ssize_t)line.length;
    gad_string_free(&line);
    errno = 0;
    bool heard = sent && fgets(reply, sizeof reply, judge->from);
    if (sent && !heard && (errno == EAGAIN || errno == EWOULDBLOCK))
        return gad_error_set(err, GAD_E_IO, operation, "give it longer with --reward-timeout",
                             "the reward command gave no answer within %d s", judge->timeout_s);
    if (!heard)
        return gad_error_set(err, GAD_E_IO, operation, "run the command by hand with one line of input",
                             "the reward command gave no answer");
    reward->total = strtod(reply, &end);
    if (end == reply || (*end && *end != '\n') || !isfinite(reward->total))
        return gad_error_set(err, GAD_E_FORMAT, operation, "one number per line is expected",
                             "the reward command wrote \"%.*s\"", (int)strcspn(reply, "\n"), reply);
    return GAD_OK;
}

/* ---- an answer ----------------------------------------------------------------------------------------------------- */

static gad_status expand(gad_string *text, const gad_example *example, gad_error *err)
{
    gad_pointer_meaning meaning =
        gad_pointer_mean(&example->frame, example->object, example->shown, example->shown_count, NULL);
    meaning.words = example->shown_count ? example->words : NULL;
    return gad_pointer_expand(text, &meaning, err);
}

gad_status gad_reward_give(void *user, const gad_example *example, const int32_t *id, int64_t count, bool cut,
                           gad_reward *reward, gad_error *err)
{
    gad_reward_judge *judge = user;
    gad_answer answer;
    *reward = (gad_reward){.total = (double)NAN};
    gad_status status = gad_tokenizer_decode(judge->tokenizer, id, (size_t)count, true, &reward->text, err);
    if (!status && example->points)
        status = expand(&reward->text, example, err);
    if (!status)
        status =
            gad_answer_read_cut(gad_string_text(&reward->text), reward->text.length, cut, &example->frame, &answer, err);
    if (status)
        return status;
    status = gad_score_answer(&answer, &example->truth, &judge->parts.cover, &reward->score, err);
    gad_answer_free(&answer);
    if (status)
        return status;
    reward->total = judge->kind->give(&reward->score, &judge->parts);
    return judge->program ? ask_program(judge, example, reward, err) : GAD_OK;
}
