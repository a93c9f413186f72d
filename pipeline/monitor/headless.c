#include "pipeline/monitor/headless.h"

#include "pipeline/alerts/watch.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "pipeline/monitor/find.h"
#include "pipeline/monitor/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const double END_S = 15; /* for deliveries, at the end */

static void print(void *arg, const char *line, size_t len)
{
    (void)arg;
    printf("%.*s\n", (int)len, line);
    if (fflush(stdout) != 0)
        die_errno("standard output");
}

void headless_run(char *const *runs, size_t n, const char *on_alert, const char *alert_url, bool stay)
{
    struct watch **w = xcalloc(n + 1, sizeof *w);
    char err[1024];
    for (size_t i = 0; i < n; i++) {
        struct watch_settings s = {runs[i], on_alert, alert_url, print, NULL};
        if (!(w[i] = watch_open(&s, err, sizeof err)))
            die("%s", err);
    }
    for (bool live = true; live && !stop_signal; sleep(live)) {
        live = false;
        for (size_t i = 0; i < n; i++) {
            bool now = run_is_live(runs[i]); /* before the look, so that its last lines are read */
            if (now)
                watch_trainer(w[i], find_trainer(runs[i]));
            watch_poll(w[i]);
            live = live || now;
        }
        live = live || stay;
    }
    for (size_t i = 0; i < n; i++)
        watch_close(w[i], END_S);
    free(w);
}
