/*
 * settings.h - where the hub and its cache are, and who we are: from the environment, as huggingface_hub
 * reads it
 *
 *   HF_ENDPOINT               default https://huggingface.co; plain http only to this machine
 *   HF_HOME                   default $XDG_CACHE_HOME/huggingface, else ~/.cache/huggingface
 *   HF_HUB_CACHE              default $HF_HOME/hub
 *   HF_TOKEN                  else the file $HF_TOKEN_PATH, else the file $HF_HOME/token
 *   HF_HUB_OFFLINE            1, on, yes or true: nothing is asked of any server
 *   HF_HUB_DOWNLOAD_TIMEOUT   seconds without progress after which a transfer counts as broken (default 10)
 *   SSL_CERT_FILE             certificates to trust instead of the system's
 */
#ifndef FETCH_SETTINGS_H
#define FETCH_SETTINGS_H

#include <stdbool.h>

struct hub_settings {
    char *endpoint;   /* no slash at the end */
    char *cache;      /* of the hub's files */
    char *web_cache;  /* of plain https files: $XDG_CACHE_HOME/tritter/web */
    char *uploads;    /* which parts of files were sent: $XDG_CACHE_HOME/tritter/uploads */
    char *token;      /* NULL: none. Never to be shown */
    char *token_from; /* where it was found, for messages */
    bool offline;
    long timeout_s;
    const char *certificates; /* NULL: the system's */
    double retry_wait_s;      /* before the first repetition; each next one waits twice as long */
};

/* Dies where a setting cannot be used. What it finds lives as long as the program. */
void hub_settings_read(struct hub_settings *s);

#endif
