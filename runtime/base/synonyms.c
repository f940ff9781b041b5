/* What other tools call things. Only a name that is known where the other one stands is suggested. The left column is
 * in small letters without '_', as names are compared; what differs by a few letters needs no row. */
#include "base/diag.h"

#include <stddef.h>

const Synonym synonym_table[] = {
    /* layers */
    {"linear", "dense"}, {"fullyconnected", "dense"}, {"fc", "dense"},
    {"view", "reshape"}, {"squeeze", "reshape"}, {"unflatten", "reshape"},
    {"averagepool", "mean_pool"}, {"avgpool2d", "mean_pool"}, {"avgpool", "mean_pool"},
    {"adaptiveavgpool2d", "global_pool"}, {"globalaveragepooling2d", "global_pool"},
    {"interpolate", "upsample"}, {"silu", "swish"}, {"spectralnormalization", "spectral"},
    {"cat", "concat"}, {"concatenate", "concat"}, {"none", "identity"},
    /* operators and losses */
    {"detach", "stop_gradient"}, {"clip", "clamp"}, {"randn", "normal"}, {"rand", "uniform"}, {"randint", "categorical"},
    {"eye", "identity_matrix"}, {"average", "mean"},
    {"mse", "squared_error"}, {"mseloss", "squared_error"}, {"binarycrossentropy", "bce"}, {"bcewithlogitsloss", "bce"},
    /* arguments */
    {"dim", "axes"}, {"dim", "axis"}, {"keepdim", "keep"}, {"keepdims", "keep"}, {"kernelsize", "kernel"},
    {"outchannels", "filters"}, {"channels", "filters"}, {"outfeatures", "units"}, {"numembeddings", "count"},
    {"embeddingdim", "size"}, {"scalefactor", "factor"}, {"p", "rate"}, {"alpha", "slope"}, {"negativeslope", "slope"},
    {"learningrate", "lr"}, {"betas", "b1"}, {"beta1", "b1"}, {"beta2", "b2"}, {"weightdecay", "decay"}, {"alpha", "rho"},
    {"weights", "parameters"}, {"params", "parameters"}, {"train", "training"},
    /* keys and sources */
    {"loss", "minimize"}, {"objective", "minimize"}, {"batchsize", "batch"}, {"iterations", "steps"},
    {"nrow", "columns"}, {"ncol", "columns"}, {"cols", "columns"},
    {"mnist", "idx"}, {"fashionmnist", "idx"}, {"imagefolder", "images"},
    {NULL, NULL}};
