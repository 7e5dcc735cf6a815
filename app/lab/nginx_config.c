#include "lab/nginx_config.h"

void nginx_config_begin(struct text *text, const char *dir, const char *modules, unsigned workers)
{
    static const char *const temporary[] = {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"};

    text_addf(text,
              "user root;\ndaemon off;\nworker_processes %u;\npid %s/nginx.pid;\n"
              "error_log stderr warn;\n%sevents { worker_connections 8192; }\nhttp {\n"
              "access_log off;\nserver_tokens off;\nkeepalive_requests 1000000;\n"
              "client_max_body_size 0;\nserver_names_hash_bucket_size 512;\n"
              "variables_hash_bucket_size 256;\ndefault_type text/plain;\n",
              workers, dir, modules);
    for (size_t i = 0; i < sizeof(temporary) / sizeof(temporary[0]); i++)
        text_addf(text, "%s_temp_path %s/nginx;\n", temporary[i], dir);
    text_addf(text, "ssl_certificate %s/tls.crt;\nssl_certificate_key %s/tls.key;\n", dir, dir);
}

void nginx_config_pod(struct text *text, const char *dir)
{
    nginx_config_begin(text, dir, "", 1);
    text_add(text, "server {\n"
                   "listen 80;\nlisten [::]:80;\nlisten 8080;\nlisten [::]:8080;\n"
                   "listen 443 ssl;\nlisten [::]:443 ssl;\n"
                   "add_header X-Server-Host $hostname always;\n"
                   "location / { return 200 \"$hostname\\n\"; }\n"
                   "}\n}\n");
}
