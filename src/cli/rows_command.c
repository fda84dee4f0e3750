/* cli/rows_command.c: what score and predict have in common. */
#include "base/error.h"
#include "cli/command.h"
#include "cli/progress.h"

int odd_rows_command_run(const odd_rows_command *command, odd_arguments *arguments,
                         oddrow_error *err)
{
    const odd_options *o = &arguments->options;
    odd_score_options options = odd_options_score(o);
    odd_score_summary summary = {0};
    odd_progress_view view;
    odd_model *model = NULL;
    const char *const *paths = NULL;
    size_t path_count = 0;

    int rc = odd_arguments_model(arguments, command->usage, &paths, &path_count, err);
    if (rc == 0 && !o->scoring.output)
        rc = odd_fail(err, ODDROW_EINVAL, "%s", command->missing);
    if (rc)
        return rc;

    odd_progress_start(&view, o->scoring.quiet);
    options.progress = odd_progress_show;
    options.progress_context = &view;
    rc = odd_model_load(arguments->words[0], &model, err);
    if (rc == 0)
        rc = command->run(model, paths, path_count, o->scoring.output, &options, &summary, err);
    odd_progress_end(&view);
    odd_model_free(&model);
    if (rc)
        return rc;
    if (!o->scoring.quiet)
        command->print(&summary, o->scoring.output);
    return o->scoring.strict && summary.rejected > 0 ? ODD_EXIT_REJECTED : ODD_EXIT_DONE;
}
