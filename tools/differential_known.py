"""Disagreements of differential.py that are decided; docs/differences.md says more."""

REFERENCE, ORT, BOTH = ('reference',), ('onnxruntime',), ('reference', 'onnxruntime')
ANOTHER_TYPE = r"\('y\d+'\): (\w+)\[\S* for (?!\1\[)\w+\["
FLOAT6 = r'float6|element type 2[78]|to is 2[78]'

# (operators, peers, pattern in "vVERSION REASON CASE", why). The first that fits counts.
KNOWN = [
    # ours to do
    ('.*', BOTH, FLOAT6, 'we lack: float6 types'),
    # the reference evaluator
    ('.*', REFERENCE, ANOTHER_TYPE, 'reference: an output of another type than the schema says'),
    ('RNN|GRU|LSTM', REFERENCE, '', 'reference: ignores sequence_lens, clip, activations, input_forget and directions'),
    ('Softmax|LogSoftmax|Hardmax', REFERENCE, r'v1 |v11 ', 'reference: does not flatten before opset 13'),
    ('GlobalMaxPool', REFERENCE, '', 'reference: right for two spatial axes only'),
    ('LRN', REFERENCE, '', 'reference: sums windows for the first channels only, as many as there are batches'),
    ('LpNormalization', REFERENCE, 'p=1', 'reference: p = 1 sums without taking magnitudes'),
    ('RoiAlign', REFERENCE, 'v10 ', 'reference: half_pixel before opset 16'),
    ('GridSample', REFERENCE, r'\(u?int\d', 'reference: computes coordinates in the integer type of X'),
    ('GridSample', REFERENCE, 'float16', 'reference: rounds coordinates to 16 bits'),
    ('StringNormalizer', REFERENCE, '', 'reference: removes stop words inside of strings'),
    ('Shape', REFERENCE, '', 'reference: an end before the first axis'),
    ('Unsqueeze', REFERENCE, '', 'reference: inserts unsorted axes one after the other'),
    ('SequenceInsert', REFERENCE, '', 'reference: inserts at the front when asked for the end'),
    ('Unique', REFERENCE, '', 'reference: sorted = 0 along an axis'),
    ('MaxPool|AveragePool|LpPool', REFERENCE, '', 'reference: auto_pad, ceil_mode and storage_order of pools'),
    ('QLinearConv', REFERENCE, '', 'reference: one spatial axis or groups'),
    ('ConvInteger|MatMulInteger', REFERENCE, '', 'reference: zero points a row or channel'),
    ('ConvTranspose', REFERENCE, 'group', 'reference: groups'),
    ('BitCast', REFERENCE, 'different sizes', 'reference: casts bits between types of different sizes'),
    ('Loop|Scan', REFERENCE, '', 'reference: how trips are collected, negative axes'),
    ('TfIdfVectorizer', REFERENCE, '', 'reference: other weights than ONNX Runtime and we take'),
    ('Attention', REFERENCE, '', 'reference: is_causal with a mask of one row'),
    ('TreeEnsemble.*', REFERENCE, '', 'reference: leaves post_transform out, and what no leaf speaks of'),
    ('NegativeLogLikelihoodLoss', REFERENCE, 'ignore_index=-1', 'reference: does not ignore labels when ignore_index is -1'),
    ('LinearRegressor|LinearClassifier|SVM.*', REFERENCE, '', 'reference: overflows, or other types'),
    ('QuantizeLinear', REFERENCE, '', "reference: divides in another precision than the scale's"),
    ('.*', REFERENCE, 'bfloat16|float16', 'reference: sums in 16 bits'),
    ('Resize', REFERENCE, 'tf_crop', "reference: tf_crop_and_resize by scale * length, not by the resized length"),
    ('Resize', REFERENCE, 'pytorch_half_pixel', 'reference: pytorch_half_pixel by scale * length, not by the resized length'),
    # ONNX Runtime
    ('Cast|CastLike', ORT, 'to=8|string', 'ONNX Runtime: writes numbers as strings in another form'),
    ('Cast|CastLike', ORT, '', 'ONNX Runtime: rounds to integers of less than a byte; e8m0 of numbers that it does not hold'),
    ('ConvTranspose', ORT, 'SAME', 'ONNX Runtime: SAME gives less than input * stride where the kernel is smaller than the stride'),
    ('MaxPool|AveragePool|LpPool', ORT, 'VALID', 'ONNX Runtime: applies ceil_mode to VALID'),
    ('MaxPool|AveragePool|LpPool', ORT, 'SAME', 'ONNX Runtime: SAME ignores dilations, and crops where the kernel is smaller than the stride'),
    ('Reduce.*', ORT, r'\(u?int\d', 'ONNX Runtime: integer reductions in float, or saturated'),
    ('Resize', ORT, 'tf_crop|tf_half_pixel', 'ONNX Runtime: leaves axes with scale 1 as they are'),
    ('Slice', ORT, '', 'ONNX Runtime: a huge end of a backward slice is its begin'),
    ('MaxUnpool', ORT, '', 'ONNX Runtime: places by the inferred, not by the given output shape'),
    ('MeanVarianceNormalization|LRN|Normalizer', ORT, 'nan', 'ONNX Runtime: NaN from cancellation or overflow'),
    ('GridSample', ORT, 'cubic.*border', 'ONNX Runtime: cubic interpolation at the border'),
    ('Hardmax', ORT, '', 'ONNX Runtime: the place of a maximum beside NaN'),
    ('Loop', ORT, r'\[0,.* for .*\[0\]', 'ONNX Runtime: what no trip collected has one axis where the shape of a trip is not known'),
    ('StringSplit', ORT, '', 'ONNX Runtime: counts and splits empty strings in another way'),
    ('TreeEnsembleClassifier', ORT, '', 'ONNX Runtime: of two classes the second when its score is positive; classes without a leaf never win'),
    ('TreeEnsembleRegressor', ORT, '', 'ONNX Runtime: drops the base value where no leaf speaks of a target'),
    ('TreeEnsemble', ORT, '', 'ONNX Runtime: numbers the post transforms in another way'),
    ('Upsample|Resize', ORT, r'\(u?int\d', 'ONNX Runtime: cuts off what float arithmetic left below an integer'),
    ('Reduce.*', ORT, r'(float|float16|double)\[.*\] for \1\[.*0', 'ONNX Runtime: shapes of empty reductions'),
    # either
    ('ConvTranspose', BOTH, 'SAME', 'SAME with a kernel smaller than the stride: nobody pads alike'),
    ('MaxPool|AveragePool|LpPool', BOTH, 'SAME', 'SAME with a kernel smaller than the stride: negative padding'),
    ('Reduce.*', BOTH, r'\(u?int\d', 'integers that overflow'),
    ('.*', BOTH, r'nan|inf', 'NaN and infinities, of which the specification says nothing'),
]
