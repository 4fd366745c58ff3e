/* curl: the functions of libcurl that http_client calls, looked up when the first client opens. libcurl brings forty
 * libraries along, LDAP and Kerberos among them; an inspection without a network neither loads nor needs them. */
#ifndef GAD_IO_CURL_H
#define GAD_IO_CURL_H
#include <curl/curl.h>

#include "gad.h"

#define GAD_CURL_FUNCTIONS(X)                                                                                              \
    X(global_init)                                                                                                         \
    X(global_cleanup)                                                                                                      \
    X(slist_append)                                                                                                        \
    X(slist_free_all)                                                                                                      \
    X(easy_init)                                                                                                           \
    X(easy_setopt)                                                                                                         \
    X(easy_getinfo)                                                                                                        \
    X(easy_strerror)                                                                                                       \
    X(easy_cleanup)                                                                                                        \
    X(multi_init)                                                                                                          \
    X(multi_add_handle)                                                                                                    \
    X(multi_remove_handle)                                                                                                 \
    X(multi_perform)                                                                                                       \
    X(multi_info_read)                                                                                                     \
    X(multi_poll)                                                                                                          \
    X(multi_cleanup)

/* Each member has the type that <curl/curl.h> declares for curl_<member>. */
#define GAD_CURL_MEMBER(name) __typeof__(curl_##name) *name;
typedef struct gad_curl {
    GAD_CURL_FUNCTIONS(GAD_CURL_MEMBER)
} gad_curl;
#undef GAD_CURL_MEMBER

/* Load libcurl, once; *curl lives as long as the process. Any thread may call it. */
gad_status gad_curl_load(const gad_curl **curl, gad_error *err);
#endif
