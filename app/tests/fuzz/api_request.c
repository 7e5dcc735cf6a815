/* fuzz: deps lab */
#include <stdlib.h>
#include <string.h>

#include "lab/api_handler.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char deployment[] =
    "{\"metadata\":{\"name\":\"web\"},\"spec\":{\"selector\":{\"matchLabels\":{\"app\":\"web\"}},"
    "\"template\":{\"metadata\":{\"labels\":{\"app\":\"web\"}},\"spec\":{\"containers\":[{\"name\":"
    "\"c\",\"image\":\"i\",\"env\":[{\"name\":\"A\",\"value\":\"1\"}]}]}}}}";

static void send_request(struct api_handler *handler, const char *method, const char *target,
                         const char *type, const char *body, size_t size)
{
    struct api_answer answer;
    struct text lines = {0};
    const struct api_request request = {
        .method = method,
        .target = target,
        .content_type = type,
        .accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json",
        .body = body,
        .body_bytes = size,
        .authenticated = true,
        .utc_ns = 1795254751000000000,
    };
    api_handle(handler, &request, &answer);
    if (answer.watch != NULL)
        api_watch_fill(answer.watch, &lines, request.utc_ns);
    text_free(&lines);
    api_answer_free(&answer);
}

/* A body as an object of three kinds, as each kind of patch and as options of a deletion; what
 * came of it is listed and watched as a Table. The first byte chooses the patch's type. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char base[] = "/apis/apps/v1/namespaces/default/deployments";
    static const char web[] = "/apis/apps/v1/namespaces/default/deployments/web";
    static const char web_applied[] =
        "/apis/apps/v1/namespaces/default/deployments/web?fieldManager=a&force=true";
    static const char json[] = "application/json";
    static const char *const collections[] = {base, "/api/v1/namespaces/default/pods",
                                              "/api/v1/namespaces/default/services"};
    struct api_handler handler = {
        .store = store_new(1), .user = "fuzzer", .minor = 36, .visible = UINT64_MAX};
    if (size > 0) {
        const char *body = (const char *)data + 1;
        static const char *const types[] = {
            "application/strategic-merge-patch+json",
            "application/merge-patch+json",
            "application/json-patch+json",
            "application/apply-patch+yaml",
        };
        const char *type = types[data[0] & 3];
        static const char space[] = "{\"metadata\":{\"name\":\"default\"}}";
        send_request(&handler, "POST", "/api/v1/namespaces", json, space, sizeof(space) - 1);
        send_request(&handler, "POST", base, json, deployment, sizeof(deployment) - 1);
        send_request(&handler, "PATCH", web, type, body, size - 1);
        send_request(&handler, "PATCH", web_applied, type, body, size - 1);
        for (unsigned i = 0; i < 3; i++) {
            send_request(&handler, "POST", collections[i], json, body, size - 1);
            send_request(&handler, "GET", collections[i], NULL, "", 0);
        }
        send_request(&handler, "GET", "/api/v1/pods?watch=1", NULL, "", 0);
        send_request(&handler, "PUT", web, json, body, size - 1);
        send_request(&handler, "DELETE", web, json, body, size - 1);
    }
    store_free(handler.store);
    return 0;
}
