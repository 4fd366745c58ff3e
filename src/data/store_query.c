/* store_query: see store_query.h */
#include "data/store_query.h"

#include "base/error.h"
#include "base/memory.h"
#include "data/store_internal.h"

#define FREE "split NOT IN ('benchmark','reference')"
#define SET_SPLIT "UPDATE sample SET split=?1 WHERE dataset=?2 AND class=?3 AND grp IS ?4"
#define KEEP_TEST " AND (split<>'test' OR ?1='test')"
#define FILES "SELECT d.root||'/'||s.image, min(s.id) FROM sample s JOIN dataset d ON d.name=s.dataset WHERE s.split IN "

static const char *const SQL[GAD_STORE_QUERIES] = {
    [GAD_STORE_DATASETS] =
        "SELECT name,root,title,license,citation,home FROM dataset WHERE ?1 IS NULL OR name=?1 ORDER BY name",
    [GAD_STORE_CATALOGUE] = "SELECT d.name, d.title, d.license, d.citation, d.home, count(s.row), sum(s.split='benchmark')"
                            " FROM dataset d LEFT JOIN sample s ON s.dataset=d.name GROUP BY d.name ORDER BY d.name",
    [GAD_STORE_TOTALS] =
        "SELECT d.name, count(s.row), coalesce(sum(s.label=0),0), coalesce(sum(s.label=1),0), count(DISTINCT s.class),"
        " (SELECT count(DISTINCT b.label) FROM box b JOIN sample t ON t.row=b.sample WHERE t.dataset=d.name),"
        " (SELECT count(*) FROM box b JOIN sample t ON t.row=b.sample WHERE t.dataset=d.name),"
        " (SELECT count(DISTINCT r.sample) FROM reference r JOIN sample t ON t.row=r.sample WHERE t.dataset=d.name),"
        " coalesce(sum(s.think IS NOT NULL),0), (SELECT count(*) FROM problem p WHERE p.dataset=d.name)"
        " FROM dataset d LEFT JOIN sample s ON s.dataset=d.name GROUP BY d.name ORDER BY d.name",
    [GAD_STORE_CLASSES] = "SELECT DISTINCT dataset, class FROM sample WHERE (?1 IS NULL OR dataset=?1) AND (?2 IS NULL OR"
                          " class=?2) ORDER BY 1, 2",
    [GAD_STORE_LABELS] = "SELECT DISTINCT label FROM box ORDER BY label",
    [GAD_STORE_LABEL_NUMBER] = "SELECT count(DISTINCT label) FROM box WHERE label<=?1",
    [GAD_STORE_CLASS_LABELS] = "SELECT DISTINCT b.label FROM box b JOIN sample s ON s.row=b.sample WHERE s.dataset=?1 AND"
                               " s.class=?2 ORDER BY 1",
    [GAD_STORE_IMAGE] =
        "SELECT id, split FROM sample WHERE dataset=?1 AND class=?2 AND image=?3 AND view=CAST(?4 AS INTEGER)",
    [GAD_STORE_REPLIES] = "SELECT count(*) FROM reply WHERE sample=CAST(?1 AS INTEGER) AND model=?2",
    [GAD_STORE_FREE_CLASSES] = "SELECT DISTINCT dataset, class FROM sample WHERE " FREE,
    [GAD_STORE_FREE_GROUPS] = "SELECT dataset, class, grp, max(label) FROM sample WHERE " FREE " GROUP BY 1, 2, 3",
    [GAD_STORE_GROUPS] = "SELECT dataset, class, grp, max(label) FROM sample GROUP BY 1, 2, 3",
    [GAD_STORE_TRAINING_FILES] = FILES "('train','val') GROUP BY 1 ORDER BY 2",
    [GAD_STORE_HELD_FILES] = FILES "('benchmark','reference') GROUP BY 1 ORDER BY 2",
    [GAD_STORE_REFERENCE_MISSING] =
        "SELECT s.id, r.path, d.root||'/'||r.path FROM reference r JOIN sample s ON s.row=r.sample JOIN dataset d ON "
        "d.name=s.dataset"
        " WHERE NOT EXISTS(SELECT 1 FROM sample t WHERE t.dataset=s.dataset AND t.class=s.class AND t.image=r.path)",
    [GAD_STORE_REFERENCE_BAD] = "SELECT s.id, r.path || CASE WHEN t.row=s.row THEN ': the image itself' WHEN t.label=1 "
                                "THEN ': anomalous' ELSE ': same content' END"
                                " FROM reference r JOIN sample s ON s.row=r.sample JOIN sample t ON t.dataset=s.dataset "
                                "AND t.class=s.class AND t.image=r.path AND t.view=s.view"
                                " WHERE t.row=s.row OR t.label=1 OR (t.hash=s.hash AND t.hash<>'')",
    [GAD_STORE_BOX_OUTSIDE] = "SELECT s.id, '['||b.x1||','||b.y1||','||b.x2||','||b.y2||'] in '||s.width||' x '||s.height "
                              "FROM box b JOIN sample s ON s.row=b.sample"
                              " WHERE b.x1<0 OR b.y1<0 OR b.x2<=b.x1 OR b.y2<=b.y1 OR b.x2>s.width OR b.y2>s.height",
    [GAD_STORE_LABEL_WRONG] =
        "SELECT id, CASE label WHEN 0 THEN 'a normal image with boxes' ELSE 'an anomalous image without "
        "boxes and type' END FROM sample s"
        " WHERE (label=0 AND EXISTS(SELECT 1 FROM box b WHERE b.sample=s.row))"
        " OR (label=1 AND types='[]' AND NOT EXISTS(SELECT 1 FROM box b WHERE b.sample=s.row))",
    [GAD_STORE_GROUP_TORN] = "SELECT dataset||'/'||class||': '||grp, group_concat(DISTINCT split) FROM sample WHERE grp "
                             "IS NOT NULL AND grp<>'' AND split IN ('train','val')"
                             " GROUP BY dataset, class, grp HAVING count(DISTINCT split)>1",
    /* One kept-aside image stands for all of its content, or many copies of one picture would be compared each with each.
     */
    [GAD_STORE_LEAK] = "WITH file AS (SELECT hash, id, split, dataset||'/'||image AS name FROM sample WHERE hash<>''),"
                       " held AS (SELECT hash, min(id) AS id, min(split) AS split, min(name) AS low, max(name) AS high FROM"
                       " file WHERE split IN ('test','benchmark','reference') GROUP BY hash),"
                       " val AS (SELECT hash, min(id) AS id, 'val' AS split, min(name) AS low, max(name) AS high FROM"
                       " file WHERE split='val' GROUP BY hash)"
                       " SELECT a.id, 'same content as '||b.id||' ('||b.split||')' FROM file a JOIN held b ON a.hash=b.hash"
                       " WHERE a.split IN ('train','val') AND NOT (a.name=b.low AND a.name=b.high)"
                       " UNION ALL SELECT a.id, 'same content as '||b.id||' (val)' FROM file a JOIN val b ON a.hash=b.hash"
                       " WHERE a.split='train' AND NOT (a.name=b.low AND a.name=b.high)",
    [GAD_STORE_DUPLICATE] = "SELECT min(id), count(*)||' samples with one content' FROM sample WHERE "
                            "hash<>'' GROUP BY hash, coalesce(crop,'') HAVING count(*)>1",
    [GAD_STORE_PROBLEMS] = "SELECT dataset||': '||path, kind||': '||text FROM problem",
    /* The split that a dataset came with is the part of the id after dataset and class. */
    [GAD_STORE_RESTORE_SPLITS] = "UPDATE sample SET split=substr(substr(id, length(dataset)+length(class)+3), 1,"
                                 " instr(substr(id, length(dataset)+length(class)+3), '/')-1) WHERE " FREE,
    [GAD_STORE_SET_SPLIT] = SET_SPLIT,
    [GAD_STORE_SET_FREE_SPLIT] = SET_SPLIT " AND " FREE,
    [GAD_STORE_SET_SPLIT_KEEP] = SET_SPLIT KEEP_TEST,
    [GAD_STORE_SET_FREE_SPLIT_KEEP] = SET_SPLIT " AND " FREE KEEP_TEST,
};

struct gad_store_rows {
    gad_sqlite_statement *statement;
};

gad_status gad_store_query_open(gad_store *store, gad_store_query query, gad_store_rows **out, gad_error *err)
{
    gad_store_rows *rows = gad_memory_zero(1, sizeof *rows);
    if (!rows)
        return gad_error_memory(err, "read the store", sizeof *rows);
    gad_status status = gad_sqlite_prepare(store->db, SQL[query], &rows->statement, err);
    if (status) {
        gad_memory_free(rows);
        return status;
    }
    *out = rows;
    return GAD_OK;
}

void gad_store_query_ask(gad_store_rows *rows, const char *const values[GAD_STORE_VALUES])
{
    gad_sqlite_reset(rows->statement);
    for (int i = 0; i < gad_sqlite_parameters(rows->statement); i++)
        gad_sqlite_bind_text(rows->statement, i + 1, values[i]);
}

gad_status gad_store_query_next(gad_store_rows *rows, bool *found, gad_error *err)
{
    return gad_sqlite_step(rows->statement, found, err);
}

const char *gad_store_query_text(const gad_store_rows *rows, int column)
{
    const char *text = gad_sqlite_text(rows->statement, column);
    return text ? text : "";
}

int64_t gad_store_query_number(const gad_store_rows *rows, int column)
{
    return gad_sqlite_int(rows->statement, column);
}

void gad_store_query_close(gad_store_rows *rows)
{
    if (!rows)
        return;
    gad_sqlite_finish(rows->statement);
    gad_memory_free(rows);
}
