#include "proxy/core/aws_config.h"

static const char *filled(const char *value)
{
    return text_is_given(value) ? value : NULL;
}

const char *aws_config_variable(const struct aws_config *config, const char *name)
{
    const struct aws_config_environment *environment = &config->input.environment;
    return filled(environment->get(environment->context, name));
}

/* ---- opening ---- */

void aws_config_free(struct aws_config **config)
{
    if (*config != NULL) {
        aws_profile_files_free(&(*config)->files);
        free(*config);
        *config = NULL;
    }
}

static enum err parse_file(const struct aws_config_file *file, struct ini *ret_ini, struct text *ret_why)
{
    if (file->text.data == NULL) {
        return ERR_OK;
    }
    char memory[256];
    struct text why = text_in(memory, sizeof memory);
    enum err err = ini_parse(file->text, ret_ini, &why);
    if (err != ERR_OK) {
        text_format(ret_why, "%s: %s", file->path, err == ERR_CONFIG ? memory : err_text(err));
    }
    return err;
}

static void put_file(const struct aws_config_file *file, struct text *ret_why)
{
    text_format(ret_why, "%s%s", file->path, file->text.data == NULL ? " (no such file)" : "");
}

static enum err choose_profile(struct aws_config *config, struct text *ret_why)
{
    const char *name = filled(config->input.flags.profile);
    const char *variable = NULL; /* else --profile, the target or an alias */
    const char *const variables[] = {"AWS_PROFILE", "AWS_DEFAULT_PROFILE"};
    for (size_t i = 0; i < sizeof variables / sizeof variables[0] && name == NULL; i++) {
        name = aws_config_variable(config, variables[i]);
        variable = variables[i];
    }
    struct text chosen = text_in(config->profile_name, sizeof config->profile_name);
    text_put(&chosen, name != NULL ? name : "default");
    if (chosen.overflowed) {
        text_format(ret_why, "the profile name%s%s is longer than %d characters", variable != NULL ? " in " : "",
                    variable != NULL ? variable : "", LIMIT_PROFILE);
        return ERR_CONFIG;
    }
    config->profile = aws_profile_find(&config->files, config->profile_name);
    if (name != NULL && !aws_profile_exists(&config->profile)) {
        text_format(ret_why, "there is no profile \"%s\"", name);
        if (variable != NULL) {
            text_format(ret_why, " (%s)", variable);
        }
        text_put(ret_why, " in ");
        put_file(&config->input.config, ret_why);
        text_put(ret_why, " or ");
        put_file(&config->input.credentials, ret_why);
        return ERR_CONFIG;
    }
    return ERR_OK;
}

static const char *keep_path(const char *path, char ret_path[LIMIT_PATH + 1])
{
    struct text text = text_in(ret_path, LIMIT_PATH + 1);
    text_put(&text, path);
    return ret_path;
}

enum err aws_config_open(const struct aws_config_input *input, struct aws_config **ret_config, struct text *ret_why)
{
    AUTO(aws_config_free) struct aws_config *config = calloc(1, sizeof *config);
    if (config == NULL) {
        return ERR_MEMORY;
    }
    config->input = *input;
    config->input.config.path = keep_path(input->config.path, config->paths.config);
    config->input.credentials.path = keep_path(input->credentials.path, config->paths.credentials);
    TRY(parse_file(&input->config, &config->files.config, ret_why));
    TRY(parse_file(&input->credentials, &config->files.credentials, ret_why));
    TRY(choose_profile(config, ret_why));
    config->input.config.text = bytes_of(NULL, 0);
    config->input.credentials.text = bytes_of(NULL, 0);
    *ret_config = MOVE(config);
    return ERR_OK;
}

enum err aws_config_set_region(struct aws_config *config, const char *region)
{
    if (!endpoint_region_is_valid(region)) {
        return ERR_CONFIG;
    }
    memcpy(config->found_region, region, strlen(region) + 1);
    config->input.flags.region = config->found_region;
    return ERR_OK;
}

const char *aws_config_get(const struct aws_config *config, const char *key)
{
    return aws_profile_get(&config->profile, key);
}

bool aws_config_find(const struct aws_config *config, const struct aws_config_names *names,
                     struct aws_config_setting *ret_setting)
{
    struct aws_config_setting found = {filled(names->flag), names->flag_origin};
    for (size_t i = 0; i < AWS_CONFIG_VARIABLES_MAX && found.value == NULL && names->variables[i] != NULL; i++) {
        found = (struct aws_config_setting){aws_config_variable(config, names->variables[i]), names->variables[i]};
    }
    if (found.value == NULL && names->key != NULL) {
        found = (struct aws_config_setting){filled(aws_config_get(config, names->key)), names->key_origin};
    }
    if (found.value == NULL) {
        return false;
    }
    *ret_setting = found;
    return true;
}

enum err aws_config_switch(const struct aws_config *config, const char *variable, const char *key, bool *ret_is_on,
                           struct text *ret_why)
{
    struct aws_config_names names = {.variables = {variable}, .key = key, .key_origin = key};
    struct aws_config_setting setting;
    if (!aws_config_find(config, &names, &setting)) {
        *ret_is_on = false;
        return ERR_OK;
    }
    bool is_on = strcasecmp(setting.value, "true") == 0;
    if (!is_on && strcasecmp(setting.value, "false") != 0) {
        text_format(ret_why, "%s is neither true nor false: \"%.120s\"", setting.origin, setting.value);
        return ERR_CONFIG;
    }
    *ret_is_on = is_on;
    return ERR_OK;
}
