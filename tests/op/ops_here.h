/* ops_here: members of a gad_ops whose functions have, in the file that makes the table, the names of the ops. */
#ifndef GAD_TESTS_OP_OPS_HERE_H
#define GAD_TESTS_OP_OPS_HERE_H

#define OPS_HERE                                                                                                           \
    .linear = linear, .linear_dx = linear_dx, .linear_dw = linear_dw, .linear_db = linear_db, .rmsnorm = rmsnorm,          \
    .rmsnorm_back = rmsnorm_back, .layernorm = layernorm, .layernorm_back = layernorm_back, .swiglu = swiglu,              \
    .swiglu_back = swiglu_back, .gelu = gelu, .gelu_back = gelu_back, .rope = rope, .embed = embed,                        \
    .embed_back = embed_back, .rows = rows, .rows_mix = rows_mix, .rows_mix_back = rows_mix_back, .axpby = axpby,          \
    .zero = zero, .logprob = logprob, .logprob_back = logprob_back, .sum_squares = sum_squares, .adamw = adamw

#endif
