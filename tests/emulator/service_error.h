/* service_error: an error as an AWS service words it. */
#ifndef SSM_LAB_SERVICE_ERROR_H
#define SSM_LAB_SERVICE_ERROR_H

struct service_error {
    int http_status;   /* 400 for nearly everything */
    char type[64];     /* "ValidationException" */
    char message[800]; /* may be empty: several real ones are */
};

/* http_status becomes 500 for InternalServerError and ServiceException, 400 for all others. */
void service_error_set(struct service_error *error, const char *type, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
