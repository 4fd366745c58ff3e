/* secret: a key or password that stands in a file, so that no list of processes shows it. */
#ifndef GAD_CLI_SECRET_H
#define GAD_CLI_SECRET_H

/* The first line of a file; the caller's (free). NULL after a message. */
char *secret_read(const char *path);
#endif
