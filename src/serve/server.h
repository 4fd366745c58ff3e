/* server: products, results and metrics behind HTTP routes. In: a data folder, settings. Out: a running server. The page,
 * the programs of a line and other tools talk to it (docs/line.md). */
#ifndef GAD_SERVE_SERVER_H
#define GAD_SERVE_SERVER_H
#include "gad_serve.h"

/* The functions of gad_serve.h. */
gad_status gad_server_open(const gad_serve_settings *settings, gad_server **server, gad_error *err);
int gad_server_port(const gad_server *server);
void gad_server_run(gad_server *server);
void gad_server_stop(gad_server *server);
void gad_server_free(gad_server *server);
#endif
