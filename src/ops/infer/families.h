// Every inference function, by the file that holds it. table.cc says which operator uses which.
#pragma once

#include "ops/inference.h"

namespace sardonyx::ops::infer {

using Infer = Status(InferenceContext&);

// elementwise.cc
Infer InferSameType, InferSameShape, InferNeg, InferAbs, InferSign, InferRounding, InferIdentity, InferNot, InferBinary, InferAdd, InferSub,
    InferMul, InferDiv, InferMod, InferEqual, InferGreater, InferLess, InferGreaterOrEqual, InferLessOrEqual, InferAnd, InferOr, InferMax,
    InferMin, InferSum, InferMean, InferPRelu, InferSwiGlu, InferWhere, InferClip, InferCast, InferCastLike, InferBitCast;

// reduce.cc
Infer InferReduce, InferReduceSum, InferReduceProd, InferReduceMax, InferReduceMin, InferArgReduce, InferAlongAxis, InferCumulative,
    InferTopK;

// shape.cc
Infer InferShape, InferSize, InferReshape, InferFlatten, InferSqueeze, InferUnsqueeze, InferExpand, InferTranspose;

// join_split.cc
Infer InferConcat, InferSplit, InferPad, InferTile, InferCenterCropPad;

// slice.cc
Infer InferSlice;

// gather_scatter.cc
Infer InferGather, InferGatherElements, InferGatherND, InferScatterElements, InferScatterND, InferDepthToSpace, InferSpaceToDepth,
    InferCompress, InferReverseSequence, InferTrilu, InferOneHot, InferUnique, InferNonZero, InferCol2Im, InferTensorScatter;

// nn_conv.cc
Infer InferConv, InferConvInteger, InferQLinearConv, InferNhwcConv, InferDeformConv, InferConvTranspose, InferCausalConvWithState;

// text_extensions.cc
Infer InferStringEqual, InferStringJoin, InferSparseRows, InferStringRegexSplit, InferStringToVector, InferVectorToString, InferMaskedFill,
    InferSegmentSum, InferSegmentExtraction, InferBertTokenizer, InferHfBertTokenizer, InferWordpieceTokenizer, InferBpeTokenizer,
    InferSentencepieceTokenizer;

// microsoft_layout.cc
Infer InferReorderInput, InferReorderOutput, InferNchwcUpsample;

// nn_pool.cc
Infer InferPool, InferNhwcMaxPool, InferGlobalPool, InferMaxUnpool, InferMaxRoiPool, InferRoiAlign;

// nn_norm.cc
Infer InferBatchNormalization, InferInstanceNormalization, InferLayerNormalization, InferSimplifiedLayerNormalization,
    InferRmsNormalization, InferDropout, InferNegativeLogLikelihoodLoss, InferSoftmaxCrossEntropyLoss;

// nn_recurrent.cc
Infer InferRecurrent;

// nn_attention.cc
Infer InferAttention, InferFlexAttention, InferRotaryEmbedding, InferLinearAttention;

// matrix.cc
Infer InferMatMul, InferMatMulInteger, InferQLinearMatMul, InferGemm, InferDet, InferEinsum;

// quantize.cc
Infer InferQuantizeLinear, InferDequantizeLinear, InferDynamicQuantizeLinear;

// image.cc
Infer InferResize, InferUpsample, InferGridSample, InferAffineGrid, InferNonMaxSuppression, InferImageDecoder;

// generate.cc
Infer InferConstant, InferConstantOfShape, InferRange, InferEyeLike, InferRandom, InferRandomLike, InferMultinomial, InferWindow,
    InferMelWeightMatrix;

// signal.cc
Infer InferDft, InferStft;

// sequence.cc
Infer InferSequenceConstruct, InferSequenceEmpty, InferSequenceAt, InferSequenceInsert, InferSequenceErase, InferSequenceLength,
    InferSplitToSequence, InferConcatFromSequence, InferSequenceMap, InferOptional, InferOptionalHasElement, InferOptionalGetElement;

// text.cc
Infer InferStringConcat, InferStringSplit, InferStringNormalizer, InferTfIdfVectorizer, InferTokenizer;

// control.cc
Infer InferIf, InferLoop, InferScan;

// ml.cc
Infer InferToFloat, InferArrayFeatureExtractor, InferCastMap, InferCategoryMapper, InferLabelEncoder, InferDictVectorizer,
    InferFeatureVectorizer, InferLinearClassifier, InferLinearRegressor, InferOneHotEncoder, InferSvmClassifier, InferSvmRegressor,
    InferTreeEnsembleClassifier, InferTreeEnsembleRegressor, InferTreeEnsemble, InferZipMap;

// training.cc
Infer InferAdagrad, InferMomentum, InferAdam, InferGradient;

// microsoft.cc
Infer InferFusedMatMul, InferFusedGemm, InferMatMulNBits, InferMatMulIntegerToFloat, InferQGemm, InferQLinearBinary, InferQLinearWhere,
    InferMulInteger, InferQLinearConcat, InferGatherBlockQuantized, InferSkipLayerNormalization, InferSkipGroupNorm,
    InferEmbedLayerNormalization, InferBiasSplitGelu, InferExpandDims, InferCropAndResize, InferMicrosoftUnique, InferMurmurHash3,
    InferCDist, InferNGramRepeatBlock, InferBeamSearch, InferGreedySearch, InferDynamicQuantizeLstm;
Infer InferAttnLstm, InferBifurcationDetector, InferNGramHashMapping, InferMatMulFpQ4, InferVarlenCausalConv,
    InferGatedDeltaNet;  // microsoft_state.cc

// own.cc
Infer InferElementwise, InferLinear;
Infer InferPointwiseDepthwiseConv;  // nn_conv.cc

// microsoft_attention.cc
Infer InferMicrosoftAttention, InferMultiHeadAttention, InferDecoderMaskedAttention, InferGroupQueryAttention, InferRelativePositionBias;

}  // namespace sardonyx::ops::infer
