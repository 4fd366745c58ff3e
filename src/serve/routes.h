/* routes: the handlers of the server's routes; gad_routes_inspect stands in routes_inspect.c, those of results, products,
 * exports, Label Studio and the OpenAI protocol in the files of these names. */
#ifndef GAD_SERVE_ROUTES_H
#define GAD_SERVE_ROUTES_H
#include "serve/message.h"

void gad_routes_inspect(void *app, const gad_request *request, gad_response *response);
void gad_routes_results(void *app, const gad_request *request, gad_response *response);
void gad_routes_result(void *app, const gad_request *request, gad_response *response);
void gad_routes_result_picture(void *app, const gad_request *request, gad_response *response);
void gad_routes_result_heat(void *app, const gad_request *request, gad_response *response);
void gad_routes_result_thumbnail(void *app, const gad_request *request, gad_response *response);
void gad_routes_result_review(void *app, const gad_request *request, gad_response *response);
void gad_routes_result_good(void *app, const gad_request *request, gad_response *response);
void gad_routes_products(void *app, const gad_request *request, gad_response *response);
void gad_routes_product_new(void *app, const gad_request *request, gad_response *response);
void gad_routes_product(void *app, const gad_request *request, gad_response *response);
void gad_routes_product_delete(void *app, const gad_request *request, gad_response *response);
void gad_routes_product_summary(void *app, const gad_request *request, gad_response *response);
void gad_routes_product_threshold(void *app, const gad_request *request, gad_response *response);
void gad_routes_product_good(void *app, const gad_request *request, gad_response *response);
void gad_routes_product_good_picture(void *app, const gad_request *request, gad_response *response);
void gad_routes_product_good_delete(void *app, const gad_request *request, gad_response *response);
void gad_routes_export(void *app, const gad_request *request, gad_response *response);
void gad_routes_studio_predict(void *app, const gad_request *request, gad_response *response);
void gad_routes_studio_setup(void *app, const gad_request *request, gad_response *response);
void gad_routes_studio_webhook(void *app, const gad_request *request, gad_response *response);
void gad_routes_models(void *app, const gad_request *request, gad_response *response);
void gad_routes_completions(void *app, const gad_call *call, int count);
#endif
