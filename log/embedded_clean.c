#include "embedded.h"
riacho_status riacho_embedded_cleaning_init(struct embedded *log, int64_t interval_ms,
                                            riacho_error *err)
{
    (void)log;
    (void)interval_ms;
    (void)err;
    return RIACHO_OK;
}
void riacho_embedded_cleaning_done(struct embedded *log)
{
    (void)log;
}
void riacho_embedded_merge_wanted(struct embedded *log)
{
    (void)log;
}
riacho_status riacho_embedded_log_clean(riacho_log *log, riacho_error *err)
{
    (void)log;
    (void)err;
    return RIACHO_OK;
}
