/* cli/rows_command.c: what score and predict have in common. */
#include "base/error.h"
#include "cli/command.h"
#include "cli/progress.h"

int odd_rows_command_run(const odd_rows_command *command, odd_arguments *arguments)
{
    const odd_options *o = &arguments->options;
    odd_score_options options;
    odd_score_summary summary = {0};
    odd_progress_view view;
    odd_model *model = NULL;
    oddrow_error err = {0};
    const char *const *paths = NULL;
    size_t path_count = 0;

    int code = odd_arguments_model(arguments, command->usage, &paths, &path_count, &err);
    if (code == 0 && !o->scoring.output)
        code = odd_fail(&err, ODDROW_EINVAL, "%s", command->missing);
    if (code)
        return odd_complain(command->name, &err);

    odd_progress_start(&view, o->scoring.quiet);
    odd_options_score(o, &options);
    options.progress = odd_progress_show;
    options.progress_context = &view;
    code = odd_model_load(arguments->words[0], &model, &err);
    if (code == 0)
        code = command->run(model, paths, path_count, o->scoring.output, &options, &summary, &err);
    odd_progress_end(&view);
    odd_model_free(&model);
    if (code)
        return odd_complain(command->name, &err);
    if (!o->scoring.quiet)
        command->print(&summary, o->scoring.output);
    return o->scoring.strict && summary.rejected > 0 ? ODD_EXIT_REJECTED : ODD_EXIT_DONE;
}
