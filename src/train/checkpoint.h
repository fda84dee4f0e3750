/* train/checkpoint.h: the state of a training run in a file, so that a killed run can go on. */
#ifndef ODD_TRAIN_CHECKPOINT_H
#define ODD_TRAIN_CHECKPOINT_H

#include "train/dataset.h"
#include "train/options.h"
#include "train/state.h"

/* What a checkpoint must agree on with the run that resumes it: rows and options, and where tables
 * were loaded or widths given the parameters at the start; `frozen` as odd_epochs_run has it. */
uint64_t odd_checkpoint_fingerprint(const odd_train_options *options, const odd_dataset *dataset,
                                    const odd_network *network, const bool *frozen);

/* Writes DIRECTORY/checkpoint.safetensors, made when absent, atomically. */
int odd_checkpoint_save(const char *directory, const odd_progress_state *state,
                        uint64_t fingerprint, oddrow_error *err);

/* Reads it back into a state of the same network. *found is false, and the state untouched, when
 * there is none. EINVAL when it belongs to other rows or options. */
int odd_checkpoint_load(const char *directory, odd_progress_state *state, uint64_t fingerprint,
                        bool *found, oddrow_error *err);

#endif
