#!/usr/bin/env python3
"""Writes tests/import/pytorch_operators.jsonl: calls of single PyTorch operators, with small inputs and what PyTorch gives.

For development: needs torch. A case is an operator's full name and its arguments; tensors are made by `t` (numbers in tenths from a
fixed sequence) or given. Add a case a fix.
"""
import json
import math
import pathlib

import torch

aten = torch.ops.aten
INF, NAN = math.inf, math.nan
generator = torch.Generator()
generator.manual_seed(7)


def t(*shape, low=-2.0, high=2.0, dtype=torch.float32):
    """Random numbers with two digits behind the point, so that the file stays small."""
    x = torch.rand(shape, generator=generator) * (high - low) + low
    return (x * 100).round().div(100).to(dtype)


def byte(*shape):
    return torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8)


def v(*values, dtype=None):
    return torch.tensor(values, dtype=dtype)


def s(value, dtype=None):
    return torch.tensor(value, dtype=dtype)


def symmetric(n):
    x = t(n, n)
    return x + x.T


def definite(n):
    x = t(n, n)
    return x @ x.T + torch.eye(n)


def spread(m, n):
    """A matrix whose singular values lie apart."""
    return t(m, n) + torch.eye(m, n) * torch.arange(1, n + 1) * 3


def cases():
    x34, x5 = t(3, 4), t(5)
    # Whole models.
    yield 'aten.dropout_.default', [t(3), 0.5, False]
    yield 'aten._grouped_mm.default', [t(7, 8), t(3, 8, 4), v(2, 2, 7, dtype=torch.int32)]
    # Shapes and edges that were wrong once.
    yield 'aten.inner.default', [t(2, 3), t(4, 3)]
    yield 'aten.inner.default', [x5, t(5)]
    yield 'aten.inner.default', [s(2.0), t(2, 3)]
    yield 'aten.squeeze.dims', [t(1, 2, 1), []]
    yield 'aten.squeeze.dims', [t(1, 2, 1), [0, 1, 2]]
    yield 'aten._safe_softmax.default', [v([0.5, 1.0], [-INF, -INF]), -1]
    yield 'aten.renorm.default', [t(3, 4, 2), 2, 1, 1.5]
    yield 'aten.renorm.default', [t(3, 4), 1, 0, 0.5]
    yield 'aten.avg_pool1d.default', [torch.arange(-6, 6).reshape(1, 2, 6), [3], [2]]
    yield 'aten.pad.default', [t(2, 3, 4, 5), [-1, 2, 1, -2], 'replicate']
    yield 'aten.pad.default', [t(1, 2, 6), [-2, 1], 'circular']
    yield 'aten.pad.default', [t(1, 2, 3), [-3, 4], 'replicate']
    yield 'aten.triplet_margin_loss.default', [v([1, 2, 3]), v([2, 2, 2]), v([3, 2, 2])]
    yield 'aten.margin_ranking_loss.default', [v(1, 2), v(3, 1), v(1, -1), 0.5]
    yield 'aten.poisson_nll_loss.default', [v(1, 2), v(3, 1), True, True, 1e-8, 1]
    yield 'aten.cosine_embedding_loss.default', [v([1, 2], [2, 1]), v([3, 1], [0, 1]), v(1, -1)]
    yield 'aten.adaptive_avg_pool2d.default', [t(1, 2, 7, 5), [3, 4]]
    yield 'aten.pad.default', [t(1, 2, 6), [2, -1], 'reflect']
    yield 'aten.index_add.default', [s(2.0), 0, v(0), s(3.0)]
    yield 'aten.index_copy.default', [s(2.0), 0, v(0), s(3.0)]
    yield 'aten.meshgrid.indexing', [[v(1.0, 2.0), v(3.0, 4.0, 5.0)]], {'indexing': 'xy'}
    yield 'aten.meshgrid.default', [[v(1.0, 2.0)]]
    yield 'aten.cosine_similarity.default', [s(2.0), s(-3.0), 0]
    yield 'aten.cosine_similarity.default', [t(3, 1), t(3, 4), 1]
    yield 'aten.ldexp_.default', [t(3), v(1, 2, -3)]
    yield 'aten.matrix_H.default', [t(2, 3)]
    yield 'aten.avg_pool2d.default', [t(1, 2, 9, 8), [6, 5], [3, 3], [2, 1], True, True, 2]
    yield 'aten.avg_pool1d.default', [t(1, 2, 9), [4], [3], [1], True, False]
    yield 'aten.upsample_bilinear2d.vec', [t(1, 1, 10, 20), None, False, [1.7, 0.9]]
    yield 'aten.upsample_nearest1d.vec', [t(1, 2, 10), None, [0.7]]
    yield 'aten._upsample_nearest_exact2d.vec', [t(1, 1, 6, 8), None, [1.3, 1.3]]
    yield 'aten.float_power.Tensor_Tensor', [t(2, 3, low=0.1), t(3)]
    yield 'aten.float_power.Scalar', [2, t(3)]
    yield 'aten.cov.default', [t(3, 5)]
    yield 'aten.cov.default', [t(2, 4)], {'correction': 0, 'fweights': v(1, 2, 0, 3), 'aweights': v(0.5, 1.0, 2.0, 0.25)}
    yield 'aten.cov.default', [t(4)]
    yield 'aten.cov.default', [t(1, 4)]
    yield 'aten.linalg_vander.default', [s(2.0)], {'N': 3}
    yield 'aten.corrcoef.default', [t(3, 5)]
    yield 'aten.linalg_vander.default', [t(2, 3)], {'N': 4}
    yield 'aten.linalg_pinv.atol_rtol_tensor', [t(3, 3)], {'hermitian': True}
    yield 'aten.index_reduce.default', [t(3, 4), 0, v(0, 2, 0), t(3, 4), 'mean'], {'include_self': False}
    yield 'aten.index_reduce.default', [t(3, 4), 1, v(1, 3), t(3, 2), 'prod']
    yield 'aten._unsafe_masked_index.default', [t(4, 3), v(True, False, True), [v(0, 9, 3), v(2, -5, 1)], 7.0]
    yield 'aten.gradient.scalarint', [t(3, 4)], {'spacing': 0.5}
    yield 'aten.gradient.scalarint', [t(3, 4)], {'dim': 1, 'edge_order': 2}
    yield 'aten.gradient.tensorarrayint', [t(5)], {'spacing': [v(0.0, 0.5, 2.0, 2.5, 4.0)], 'dim': 0, 'edge_order': 2}
    yield 'aten.gradient.scalarrayarray', [t(3, 4)], {'spacing': [0.5, 2.0], 'dim': [1, 0]}
    yield 'aten.quantile.default', [t(3, 5), v(0.1, 0.5, 0.9), 1]
    yield 'aten.quantile.scalar', [v([1.0, NAN, 3.0], [4.0, 6.0, 5.0]), 0.4, 1, True], {'interpolation': 'nearest'}
    yield 'aten.quantile.default', [t(3, 5), v(0.25, 1.0)], {'keepdim': True}
    yield 'aten.nanquantile.default', [v([1.0, NAN, 3.0, 2.0], [NAN, NAN, NAN, NAN]), v(0.5, 0.75), 1]
    yield 'aten.nanquantile.scalar', [v(1.0, NAN, 3.0), 0.5], {'interpolation': 'higher'}
    for lengths in ({'lengths': v(2, 0, 3)}, {'offsets': v(0, 2, 5)}):
        for reduce in ('sum', 'mean', 'max'):
            yield 'aten.segment_reduce.default', [t(5, 2), reduce], {**lengths, 'initial': 1.0}
    # Losses.
    for p in (1, 2):
        yield 'aten.multi_margin_loss.default', [t(3, 4), v(0, 3, 1), p, 0.7, t(4, low=0.5)]
    yield 'aten.multi_margin_loss.default', [t(4), s(2)], {'reduction': 0}
    yield 'aten.multilabel_margin_loss_forward.default', [t(2, 4), v([3, 0, -1, 1], [-1, 2, 0, 1]), 0]
    yield 'aten.multilabel_margin_loss.default', [t(4), v(3, 0, -1, 1)]
    for p in (0.0, 1.0, 2.0, 3.0):
        yield 'aten.pdist.default', [t(4, 3), p]
    # Bits of numbers.
    edges = v(0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 3.0, 1e-40, 3.4028235e38, INF, -INF, NAN, 1024.0)
    yield 'aten.frexp.Tensor', [edges], {}, 0, 0
    yield 'aten.nextafter.default', [edges, torch.full((13,), 7.0)], {}, 0, 0
    yield 'aten.nextafter.default', [edges, torch.full((13,), -7.0)], {}, 0, 0
    for norm in (None, 'forward', 'ortho'):
        yield 'aten.fft_hfft.default', [t(4)], {'norm': norm}
        yield 'aten.fft_hfft2.default', [t(2, 3, 4)], {'norm': norm, 's': [3, 5]}
    yield 'aten._scaled_dot_product_flash_attention_for_cpu.default', [t(1, 2, 3, 4), t(1, 2, 5, 4), t(1, 2, 5, 4)], {'attn_mask': t(3, 5)}
    # Special functions: both sides of every switch between formulas.
    far = v(-30.0, -8.0, -3.5, -1.0, -0.2, 0.0, 0.3, 1.0, 2.5, 5.0, 12.0, 40.0)
    yield 'aten.special_erfcx.default', [far[1:]]
    yield 'aten.special_log_ndtr.default', [far]
    positive = v(0.0, 0.05, 0.4, 1.0, 1.9, 2.1, 3.1, 4.0, 9.5, 30.0)
    for name in ('bessel_j0', 'bessel_j1', 'bessel_y0', 'bessel_y1', 'modified_bessel_k0', 'modified_bessel_k1', 'scaled_modified_bessel_k0',
                 'scaled_modified_bessel_k1', 'spherical_bessel_j0', 'modified_bessel_i0', 'modified_bessel_i1', 'i0e', 'i1e'):
        yield f'aten.special_{name}.default', [positive], {}, 1e-5, 1e-6
    for n in (0, 1, 2, 5):
        yield 'aten.polygamma.default', [n, v(0.3, 1.0, 2.5, 9.0, 40.0)], {}, 1e-4, 1e-6
    yield 'aten.special_zeta.default', [v(1.5, 2.0, 3.0, 4.0, 1.0, 0.5), v(0.5, 1.0, -2.5, 30.0, 2.0, 2.0)], {}, 1e-4, 1e-6
    a, at = v(0.5, 0.5, 2.0, 2.0, 10.0, 60.0, 0.0, 3.0, 3.0, -1.0), v(0.1, 4.0, 1.0, 9.0, 10.0, 50.0, 2.0, 0.0, INF, 1.0)
    yield 'aten.igamma.default', [a, at], {}, 1e-4, 1e-6
    yield 'aten.igammac.default', [a, at], {}, 1e-4, 1e-6
    for family in ('chebyshev_polynomial_t', 'chebyshev_polynomial_u', 'chebyshev_polynomial_v', 'chebyshev_polynomial_w', 'hermite_polynomial_h',
                   'hermite_polynomial_he', 'laguerre_polynomial_l', 'legendre_polynomial_p', 'shifted_chebyshev_polynomial_t'):
        yield f'aten.special_{family}.default', [v(-1.5, -0.5, 0.0, 0.3, 0.9, 1.0), v(0.0, 1.0, 2.0, 3.0, 5.0, -1.0)]
    yield 'aten.special_legendre_polynomial_p.n_scalar', [t(2, 3), 4]
    # Linear algebra.
    yield 'aten.triangular_solve.default', [t(3, 2), spread(3, 3)]
    yield 'aten.linalg_solve_triangular.default', [spread(3, 3), t(2, 3)], {'upper': False, 'left': False}
    yield 'aten.linalg_solve_ex.default', [t(2, 1, 3, 3) + 3 * torch.eye(3), t(4, 3, 2)]
    yield 'aten.linalg_solve.default', [spread(3, 3), t(2, 3)], {'left': False}
    yield 'aten.cholesky_solve.default', [t(3, 2), torch.linalg.cholesky(definite(3))]
    yield 'aten.cholesky_inverse.default', [torch.linalg.cholesky(definite(3), upper=True), True]
    yield 'aten.linalg_tensorinv.default', [t(4, 2, 2) + torch.eye(4).reshape(4, 2, 2) * 4, 1]
    yield 'aten.linalg_tensorsolve.default', [t(2, 2, 4) + torch.eye(4).reshape(2, 2, 4) * 4, t(2, 2)]
    for shape in ((3, 3), (2, 4, 3), (2, 3, 4)):
        yield 'aten.linalg_lu_factor_ex.default', [t(*shape)]
        yield 'aten.linalg_lu.default', [t(*shape)]
    packed, pivots = torch.linalg.lu_factor(spread(3, 3))
    yield 'aten.lu_unpack.default', [packed, pivots]
    yield 'aten.linalg_lu_solve.default', [packed, pivots, t(3, 2)], {'adjoint': True}
    yield 'aten.linalg_lu_solve.default', [packed, pivots, t(2, 3)], {'left': False}
    yield 'aten.lu_solve.default', [t(3, 2), packed, pivots]
    for shape in ((3, 3), (2, 4, 3), (2, 3, 4)):
        yield 'aten.linalg_qr.default', [t(*shape)]
        yield 'aten.linalg_qr.default', [t(*shape), 'complete']
    yield 'aten.linalg_householder_product.default', list(torch.geqrf(t(4, 3)))
    for n in (1, 2, 5, 6):
        yield 'aten.linalg_eigvalsh.default', [symmetric(n)]
    yield 'aten.linalg_eigvalsh.default', [t(2, 3, 3), 'U']
    for shape in ((3, 3), (2, 5, 3), (3, 4)):
        yield 'aten.linalg_svdvals.default', [t(*shape)]
        yield 'aten.linalg_pinv.atol_rtol_tensor', [t(*shape)]
    low = t(4, 2) @ t(2, 4)
    yield 'aten.linalg_matrix_rank.atol_rtol_tensor', [torch.stack([low, spread(4, 4)])]
    yield 'aten.pinverse.default', [low, 1e-4]
    yield 'aten.linalg_matrix_norm.str_ord', [t(2, 3, 4), 'nuc'], {'keepdim': True}
    yield 'aten.linalg_matrix_norm.default', [t(3, 3), 2]
    yield 'aten.linalg_matrix_norm.default', [t(3, 3), -2]
    yield 'aten.linalg_cond.default', [spread(3, 3)]
    yield 'aten.linalg_cond.default', [spread(3, 3), 1]
    yield 'aten.linalg_cond.p_str', [spread(3, 3), 'fro']
    yield 'aten.linalg_matrix_exp.default', [t(2, 3, 3)]
    yield 'aten.linalg_matrix_exp.default', [t(3, 3) * 4]
    for shape in ((4, 3), (2, 3, 4), (1, 1)):
        yield 'aten.geqrf.default', [t(*shape)]
    packed, tau = torch.geqrf(t(4, 3))
    yield 'aten.ormqr.default', [packed, tau, t(4, 2)]
    yield 'aten.ormqr.default', [packed, tau, t(2, 4), False, True]
    yield 'aten.linalg_lstsq.default', [spread(5, 3), t(5, 2)]
    yield 'aten.linalg_lstsq.default', [t(2, 4), t(2)], {'driver': 'gelsd'}
    yield 'aten.linalg_lstsq.default', [spread(5, 3), t(5, 2)], {'driver': 'gelsd'}
    yield 'aten.linalg_matrix_power.default', [spread(3, 3), -2]
    yield 'aten.linalg_polar.default', [spread(4, 3)]
    yield 'aten.linalg_matrix_sqrth.default', [definite(3)]
    yield 'aten.linalg__powsum.default', [t(3, 4), 3, [1], True]
    yield 'aten.tensordot.default', [t(2, 3, 1), t(4, 5), [2], [0]]
    # Order, counts, what occurs once.
    for name in ('cummax', 'cummin'):
        yield f'aten.{name}.default', [v([1.0, 3.0, 3.0, NAN, 2.0, NAN, 5.0], [2.0, 2.0, 1.0, 4.0, -1.0, 4.0, 4.0]), 1]
    yield 'aten.cummax.default', [v([True, False], [False, True], [True, True]), 0]
    yield 'aten.cumprod.default', [t(3, 5), 0]
    yield 'aten.logcumsumexp.default', [v([-INF, -INF, 1.0, 90.0, 2.0], [0.0, -3.0, 2.0, INF, 1.0]), 1]
    yield 'aten.searchsorted.Tensor', [v(3.0, 1.0, 2.0), v(0.5, 2.0, NAN, 4.0)], {'sorter': v(1, 2, 0), 'right': True}
    yield 'aten.bincount.default', [v(3, 0, 3, 1), v(0.5, 1.0, 2.0, 4.0), 6]
    yield 'aten.bincount.default', [v(dtype=torch.int64)]
    for x in (t(20), torch.full((3,), 2.0), v()):
        yield 'aten.histc.default', [x, 5]
        yield 'aten.histogram.bin_ct', [x, 5], {'range': [-1.0, 1.5]}
    yield 'aten.histogram.bin_ct', [t(20), 4], {'weight': t(20, low=0), 'density': True}
    yield 'aten.histogram.bins_tensor', [v(0.0, 0.5, 1.0, 2.5, 3.0, -1.0), v(0.0, 0.5, 2.0, 3.0)]
    yield 'aten._histogramdd_from_bin_cts.default', [t(9, 2), [2, 3]], {'range': [-2.0, 2.0, -1.0, 1.0], 'density': True}
    yield 'aten._histogramdd_bin_edges.default', [t(9, 2), [2, 3]]
    rows = v([1, 2], [1, 2], [0, 5], [1, 2], [0, 5])
    yield 'aten.unique_dim.default', [rows, 0, True, True, True]
    yield 'aten.unique_consecutive.default', [rows, True, True, 0]
    yield 'aten.unique_consecutive.default', [rows, True, True]
    yield 'aten.unique_dim_consecutive.default', [rows.T.contiguous(), -1, True, True]
    # Sequences.
    logp = t(6, 2, 4).log_softmax(2)
    for lengths in (([6, 4], [3, 0]), ([3, 2], [3, 2])):
        yield 'aten.ctc_loss.IntList', [logp, v([1, 2, 2], [3, 1, 0]), *lengths], {'reduction': 0}
        yield 'aten.ctc_loss.IntList', [logp, v([1, 2, 2], [3, 1, 0]), *lengths], {'zero_infinity': True}
    yield 'aten.ctc_loss.Tensor', [logp, v(1, 2, 3, 3), v(6, 5), v(1, 3)], {'blank': 0, 'reduction': 2}
    yield 'aten.ctc_loss.IntList', [logp[:, 0], v(1, 3), [6], [2]]
    yield 'aten.pad_sequence.default', [[t(2, 2), t(3, 2), t(1, 2)], True, 0.5]
    yield 'aten.pad_sequence.default', [[t(2), t(3)], False, 0.0, 'left']
    yield 'aten._pack_padded_sequence.default', [t(4, 3, 2), v(4, 2, 1), False]
    yield 'aten._pad_packed_sequence.default', [t(7, 2), v(3, 2, 1, 1), True, -1.0, 5]
    # Fourier transforms.
    yield 'aten.fft_fftn.default', [t(2, 3, 4), [2, 5]]
    yield 'aten.fft_rfft2.default', [t(2, 3, 4), [-1, 3]]
    window = torch.hann_window(6)
    for options in ({}, {'normalized': True}, {'length': 17}, {'onesided': True}):
        yield 'aten.istft.default', [torch.stft(t(2, 20), 8, 2, 6, window, return_complex=True), 8, 2, 6, window], options
    yield 'aten.stft.default', [t(20), 8, 3], {'return_complex': True}
    yield 'aten.adjoint.default', [torch.complex(t(2, 3), t(2, 3))]
    yield 'aten.mH.default', [torch.complex(t(2, 3), t(2, 3))]
    yield 'aten.angle.default', [v(-1.0, 0.0, 2.0, NAN)]
    yield 'aten.index.Tensor', [torch.complex(t(3, 4), t(3, 4)), [v(2, 0), None]]
    # Indices.
    yield 'aten.index_put.default', [v(True, False, False), [v(0, 1)], v(False, True), True]
    yield 'aten._unsafe_masked_index_put_accumulate.default', [t(4), v(True, False, True), [v(1, 9, 1)], t(3)]
    # Elementwise.
    yield 'aten.expm1.default', [v(-300.0, -100.0, -1e-6, 0.0, 3.0, 90.0)]
    yield 'aten._add_relu.Tensor', [t(5), t(5)]
    yield 'aten.special_airy_ai.default', [v(-40.0, -9.0, -7.5, -2.0, 0.0, 1.0, 4.5, 6.0, 20.0, 200.0)], {}, 1e-4, 1e-6
    yield 'aten.embedding_renorm_.default', [t(4, 3), v(2, 0, 2), 0.5, 2.0]
    yield 'aten.norm_except_dim.default', [t(3, 4, 2), 2, 1]
    yield 'aten.stack.default', [[torch.complex(t(2), t(2)), torch.complex(t(2), t(2))], 1]
    yield 'aten.max_pool2d.default', [torch.tensor([[[1 << 40, (1 << 40) + 1], [3, 4]]]), [1, 2]]
    yield 'aten._addmm_activation.default', [t(3), t(2, 4), t(4, 3)]
    yield 'aten._addmm_activation.default', [t(3), t(2, 4), t(4, 3)], {'use_gelu': True}
    yield 'aten.fill_diagonal_.default', [t(7, 3), 9.0, True]
    yield 'aten.fill_diagonal_.default', [t(3, 3, 3), 9.0]
    yield 'aten.resize_.default', [t(2, 3), [4]]
    yield 'aten._int_mm.default', [torch.arange(-64, 64).reshape(8, 16).to(torch.int8).repeat(3, 1), torch.arange(-64, 64).reshape(16, 8).to(torch.int8)]
    yield 'aten._trilinear.default', [t(2, 3), t(4, 3), t(3), [1], [0], [0, 1], [2]]
    yield 'prims.cbrt.default', [v(-8.0, 0.0, 2.0)]
    yield 'prims.split_dim.default', [t(2, 6), 1, 3]
    yield 'prims.collapse.default', [t(2, 3, 4), 0, 1]
    yield 'aten.flip.default', [t(2, 3), []]
    yield 'aten.arange.start_step', [0, 4, 0.5], {'dtype': torch.int64}
    yield 'aten.linspace.default', [4.3, 50, 9], {'dtype': torch.int64}
    yield 'aten.logspace.default', [1, 1.2, 2], {'dtype': torch.int64}
    yield 'aten.add.Tensor', [byte(5), -1]
    yield 'aten.add.Tensor', [byte(5), byte(5)], {'alpha': -3}
    yield 'aten.neg.default', [byte(4)]
    yield 'aten.pow.Tensor_Tensor', [v(2, 3, 7, dtype=torch.uint8), v(3, 2, 0, dtype=torch.uint8)]
    yield 'aten.bitwise_right_shift.Tensor', [v(200, 200, 7, dtype=torch.uint8), v(3, 8, 1, dtype=torch.uint8)]
    yield 'aten.bitwise_right_shift.Tensor', [v(-200, 5, -7), v(3, 1, 62)]
    yield 'aten.square.default', [v(True, False)]
    yield 'aten.outer.default', [v(True, False), v(True, True, False)]
    yield 'aten.clamp_min.Tensor', [v(True, False), v(False, False)]
    yield 'aten.heaviside.default', [v(True, False), v(True, True)]
    yield 'aten.relu.default', [byte(3)]
    yield 'aten.signbit.default', [byte(3)]
    yield 'aten.dot.default', [byte(3), byte(3)]
    yield 'aten.linear.default', [byte(2, 3), byte(4, 3)]
    yield 'aten.sum_to_size.default', [byte(2, 3), [1, 3]]
    yield 'aten.pairwise_distance.default', [byte(2, 3), byte(2, 3)]
    yield 'aten.upsample_bilinear2d.vec', [byte(1, 1, 3, 4), [5, 6], False, None], {}, 0, 1
    yield 'aten.upsample_bicubic2d.vec', [byte(1, 1, 3, 4), [5, 6], True, None], {}, 0, 1
    yield 'aten.logit.default', [t(4, low=0, high=1), 0.6]
    yield 'aten.linalg_vector_norm.default', [s(-2.0), 0]
    yield 'aten.linalg_norm.default', [t(0, 3), 2, None, True]
    yield 'aten.hinge_embedding_loss.default', [t(4), v(1.0, -1.0, 0.0, 3.0), 1.0, 0]
    yield 'aten.masked_scatter.default', [t(3), v([True, False, True], [False, True, True]), t(6)]
    yield 'aten.gather.default', [t(3), 0, torch.zeros(2, 0, dtype=torch.int64)]
    yield 'aten.diff.default', [t(3), 0, 0, None, t(2)]
    yield 'aten.nanmedian.dim', [s(2.0), 0]
    for start, end, step in ((1, 3, 1), (-2, 9223372036854775807, 1), (0, 2, 1), (0, 4, 2), (3, 1, 1), (9, 12, 1), (-9, 2, 1)):
        x = t(4, 2)
        yield 'aten.slice_scatter.default', [x, t(*x[start:end:step].shape), 0, start, end, step]
    for index in (0, 2, -1, -3):
        yield 'aten.select_scatter.default', [t(2, 3), t(2), 1, index]
    yield 'aten.as_strided.default', [t(3, 4), [2, 3], [4, 2], 1]
    yield 'aten.as_strided_scatter.default', [t(3, 4), t(2, 3), [2, 3], [4, 1], 2]
    yield 'aten.segment_reduce.default', [t(2, 5, 2), 'max'], {'lengths': v([2, 3], [4, 1]), 'axis': 1}
    yield 'aten.tensor_split.tensor_indices_or_sections', [t(6, 2), v(1, 4)]
    yield 'aten.tensor_split.sections', [t(7), 3]
    # What writes to arguments.
    yield 'aten.add.out', [t(3), t(3)], {'out': torch.zeros(3)}
    yield 'aten.max.dim_max', [t(3, 4), 1], {'max': torch.zeros(3), 'max_values': torch.zeros(3, dtype=torch.int64)}
    yield 'aten.sum.IntList_out', [t(3, 4), [0]], {'out': torch.zeros(4)}
    # Gradients.
    both = [True, True, True]
    yield 'aten.hardtanh_backward.default', [t(6), v(-2.0, -1.0, 0.5, 1.0, 0.0, 3.0), -1, 1]
    for scaled in (False, True):
        yield 'aten.embedding_dense_backward.default', [t(5, 2), v(0, 3, 3, 1, 0), 4, 1, scaled]
    x, weight = t(2, 3, 4), t(4)
    _, mean, rstd = torch.native_layer_norm(x, [4], weight, weight, 1e-5)
    yield 'aten.native_layer_norm_backward.default', [t(2, 3, 4), x, [4], mean, rstd, weight, weight, both]
    x, weight = t(2, 4, 3), t(4)
    _, mean, rstd = torch.native_group_norm(x, weight, weight, 2, 4, 3, 2, 1e-5)
    yield 'aten.native_group_norm_backward.default', [t(2, 4, 3), x, mean, rstd, weight, 2, 4, 3, 2, both]
    x = t(1, 2, 7, 6)
    y, places = torch.nn.functional.max_pool2d(x, 3, 2, 1, return_indices=True)
    yield 'aten.max_pool2d_with_indices_backward.default', [t(*y.shape), x, [3, 3], [2, 2], [1, 1], [1, 1], False, places]
    for options in ((True, True, None), (False, False, None), (True, False, 5)):
        y = torch.nn.functional.avg_pool2d(x, 3, 2, 1, options[0], options[1], options[2])
        yield 'aten.avg_pool2d_backward.default', [t(*y.shape), x, [3, 3], [2, 2], [1, 1], *options]
    yield 'aten._adaptive_avg_pool2d_backward.default', [t(1, 2, 3, 4), x]
    for groups, stride, dilation in ((1, 1, 1), (2, 2, 1), (1, 2, 2)):
        weight = t(4, 4 // groups, 3, 2)
        y = torch.nn.functional.conv2d(t(2, 4, 8, 7), weight, None, stride, 1, dilation, groups)
        yield 'aten.convolution_backward.default', [t(*y.shape), t(2, 4, 8, 7), weight, [4], [stride] * 2, [1, 1], [dilation] * 2, False, [0, 0],
                                                    groups, both]
    weight = t(4, 3, 3)
    y = torch.nn.functional.conv_transpose1d(t(2, 4, 5), weight, None, 2, 1, 1)
    yield 'aten.convolution_backward.default', [t(*y.shape), t(2, 4, 5), weight, [3], [2], [1], [1], True, [1], 1, both]


def number(x, digits=9):
    return x if isinstance(x, int) or x == 0 else ('NaN' if math.isnan(x) else 'Infinity' if x == INF else '-Infinity' if x == -INF else float(f'{x:.{digits}g}'))


TYPES = {torch.float32: 'float', torch.float64: 'double', torch.int64: 'int64', torch.int32: 'int32', torch.bool: 'bool', torch.uint8: 'uint8',
         torch.int8: 'int8', torch.float16: 'float16', torch.int16: 'int16', torch.complex64: 'float', torch.complex128: 'double', torch.bfloat16: 'bfloat16'}


def tensor_json(tensor):
    pairs = torch.view_as_real(tensor.resolve_conj()) if tensor.is_complex() else tensor
    digits = 17 if pairs.dtype == torch.float64 else 9
    return {'dtype': TYPES[tensor.dtype], 'shape': list(pairs.shape), 'data': [number(x, digits) for x in pairs.flatten().tolist()],
            **({'complex': True} if tensor.is_complex() else {})}


def argument_json(value):
    if isinstance(value, torch.Tensor):
        return {'tensor': tensor_json(value)}
    if isinstance(value, torch.dtype):
        return {'dtype': TYPES[value]}
    if isinstance(value, (list, tuple)):
        return [argument_json(item) for item in value]
    return value


def main():
    lines = []
    for case in cases():
        target, arguments = case[:2]
        named = case[2] if len(case) > 2 else {}
        rtol, atol = (case[3:] + (1e-3, 1e-4))[:2] if len(case) > 3 else (1e-3, 1e-4)
        space, name, overload = target.split('.')
        operator = getattr(getattr(getattr(torch.ops, space), name), overload)
        line = {'operator': target, 'arguments': argument_json(arguments), 'named': {k: argument_json(x) for k, x in named.items()}}
        result = operator(*arguments, **named)
        outputs = list(result) if isinstance(result, (list, tuple)) else [result]
        line |= {'outputs': [tensor_json(one) for one in outputs], 'rtol': rtol, 'atol': atol}
        lines.append(json.dumps(line, separators=(', ', ': ')))
    path = pathlib.Path(__file__).resolve().parent.parent / 'tests/import/pytorch_operators.jsonl'
    path.write_text('\n'.join(lines) + '\n')
    print(len(lines), 'cases')


if __name__ == '__main__':
    main()
