"""Hints of differential.py for ai.onnx.ml and training."""
import numpy as np
from onnx import numpy_helper

from differential_draw import NoCase
from differential_hints import Case, I, hint

POST = ['NONE', 'SOFTMAX', 'LOGISTIC', 'SOFTMAX_ZERO', 'PROBIT']


@hint('ArrayFeatureExtractor')
def array_feature_extractor(d):
    shape = d.shape(1, 3, empty=0)
    return Case([d.tensor(0, shape), d.rng.integers(0, shape[-1], [1, d.int(1, 4)]).astype(I)])


@hint('Binarizer')
def binarizer(d):
    return Case([d.tensor(0, d.shape(1, 3))], d.maybe({}, 'threshold', d.real(-1, 1)))


@hint('CategoryMapper')
def category_mapper(d):
    attributes = {'cats_strings': ['cat', 'dog', 'a'], 'cats_int64s': [3, 1, 2]}
    d.maybe(attributes, 'default_int64', 7)
    d.maybe(attributes, 'default_string', 'none')
    return Case([d.tensor(0, d.shape(1, 2), (0, 5))], attributes)


@hint('FeatureVectorizer')
def feature_vectorizer(d):
    n, sizes = d.int(1, 3), d.ints(d.int(1, 3), 1, 3)
    return Case([d.tensor(0, [n, s]) for s in sizes], {'inputdimensions': sizes})


@hint('Imputer')
def imputer(d):
    n, c = d.int(1, 4), d.int(1, 3)
    d.special = False
    x = d.restrict(0, 'float32', 'int64')
    values = d.array(x, [n, c], (0, 3))
    k = d.pick([1, c])
    if x == np.int64:
        return Case([values], {'imputed_value_int64s': d.ints(k, 5, 9), 'replaced_value_int64': 2})
    values = np.round(values)
    nan = d.chance(0.5)
    if nan:
        values[0, 0] = np.nan
    return Case([values], {'imputed_value_floats': [d.real(5, 9) for _ in range(k)], 'replaced_value_float': float('nan') if nan else 2.0})


KINDS = {'tensor(string)': 'strings', 'tensor(int64)': 'int64s', 'tensor(float)': 'floats', 'tensor(double)': 'tensor', 'tensor(int32)': 'tensor', 'tensor(int16)': 'tensor'}


@hint('LabelEncoder')
def label_encoder(d):
    source, target = d.type_of('T1'), d.type_of('T2')
    if d.schema.since_version == 1:
        attributes = {'classes_strings': ['cat', 'dog', 'a', 'b']}
        d.maybe(attributes, 'default_int64', 9)
        d.maybe(attributes, 'default_string', 'none')
        return Case([d.tensor(0, d.shape(1, 2), (-2, 5))], attributes)
    keys = {'strings': ['cat', 'dog', 'a'], 'int64s': [3, 0, -2], 'floats': [1.5, -2.0, 0.0]}
    values = {'strings': ['x', 'yy', ''], 'int64s': [7, 8, 9], 'floats': [0.5, 4.0, -1.0]}
    a, b = KINDS[source], KINDS[target]
    if 'tensor' in (a, b) and d.schema.since_version < 4:
        raise NoCase
    attributes = {}
    if 'tensor' in (a, b):
        key_type, value_type = d.dtype(0), None
        from differential_draw import numpy_type
        value_type = numpy_type(target)
        as_tensor = lambda table, kind: numpy_helper.from_array(np.array(table, object if kind == object else kind))  # noqa: E731
        attributes['keys_tensor'] = as_tensor(keys['strings'] if key_type == object else [3, 0, -2], key_type)
        attributes['values_tensor'] = as_tensor(values['strings'] if value_type == object else [7, 8, 9], value_type)
        attributes['default_tensor'] = as_tensor(['none'] if value_type == object else [-7], value_type)
    else:
        attributes = {f'keys_{a}': keys[a], f'values_{b}': values[b]}
        default = {'strings': ('default_string', 'none'), 'int64s': ('default_int64', -5), 'floats': ('default_float', 2.5)}[b]
        d.maybe(attributes, *default)
    pool = {'strings': ['cat', 'dog', 'a', 'z'], 'floats': [1.5, -2.0, 0.0, 9.0]}.get(a, [3, 0, -2, 5])
    shape = d.shape(1, 2)
    x = np.array([d.pick(pool) for _ in range(int(np.prod(shape)))], d.dtype(0)).reshape(shape)
    return Case([x], attributes)


@hint('LinearRegressor')
def linear_regressor(d):
    n, c, t = d.int(1, 4), d.int(1, 4), d.int(1, 3)
    d.special = False
    attributes = {'coefficients': [d.real(-1, 1) for _ in range(c * t)], 'targets': t}
    d.maybe(attributes, 'intercepts', [d.real(-1, 1) for _ in range(t)])
    d.maybe(attributes, 'post_transform', d.pick(POST[:1] if t == 1 else POST[:4]), 0.5)
    return Case([d.tensor(0, [n, c])], attributes, atol=1e-4)


def labels_of(d, classes, prefix='classlabels'):
    if d.chance(0.5):
        return {f'{prefix}_int64s' if prefix == 'classlabels' else f'{prefix}_ints': [int(i) for i in d.rng.permutation(9)[:classes]]}
    return {f'{prefix}_strings': ['cat', 'dog', 'a', 'b'][:classes]}


@hint('LinearClassifier')
def linear_classifier(d):
    n, c, classes = d.int(1, 4), d.int(1, 4), d.int(2, 4)
    rows = 1 if classes == 2 and d.chance(0.4) else classes
    d.special = False
    attributes = {'coefficients': [d.real(-1, 1) for _ in range(c * rows)], 'intercepts': [d.real(-1, 1) for _ in range(rows)]}
    attributes.update({k.replace('_int64s', '_ints'): v for k, v in labels_of(d, classes).items()})
    d.maybe(attributes, 'multi_class', d.int(0, 1), 0.3)
    d.maybe(attributes, 'post_transform', d.pick(POST[:4]), 0.6)
    return Case([d.tensor(0, [n, c])], attributes, 2, atol=1e-4)


@hint('Normalizer')
def normalizer(d):
    return Case([d.tensor(0, d.shape(1, 2, empty=0))], d.maybe({}, 'norm', d.pick(['MAX', 'L1', 'L2'])))


@hint('OneHotEncoder')
def one_hot_encoder(d):
    attributes = d.maybe({}, 'zeros', d.int(0, 1))
    shape = d.shape(1, 2)
    if d.type_string(0) == 'tensor(string)':
        return Case([d.tensor(0, shape)], {**attributes, 'cats_strings': ['cat', 'dog', 'a', 'b', '', 'Cat', 'the'] if attributes.get('zeros') == 0 else ['cat', 'a']})
    if attributes.get('zeros') == 0:
        return Case([d.tensor(0, shape, (1, 3)).round()], {**attributes, 'cats_int64s': [3, 1, 2, 0]})
    x = d.tensor(0, shape, (0, 5))
    return Case([np.floor(x).astype(x.dtype)], {**attributes, 'cats_int64s': [3, 1, 2]})


@hint('Scaler')
def scaler(d):
    c = d.int(1, 4)
    k = d.pick([1, c])
    d.special = False
    return Case([d.tensor(0, [d.int(1, 3), c])], {'offset': [d.real(-1, 1) for _ in range(k)], 'scale': [d.real(0.5, 2) for _ in range(k)]})


def kernel(d, attributes):
    attributes['kernel_type'] = d.pick(['LINEAR', 'POLY', 'RBF', 'SIGMOID'])
    attributes['kernel_params'] = [d.real(0.1, 1), d.real(0, 1), float(d.int(1, 3))]
    return attributes


@hint('SVMRegressor')
def svm_regressor(d):
    n, c, vectors = d.int(1, 4), d.int(1, 4), d.int(1, 4)
    d.special = False
    attributes = kernel(d, {'coefficients': [d.real(-1, 1) for _ in range(vectors)], 'support_vectors': [d.real(-1, 1) for _ in range(vectors * c)],
                            'n_supports': vectors, 'rho': [d.real(-1, 1)]})
    d.maybe(attributes, 'one_class', 1, 0.2)
    return Case([d.tensor(0, [n, c])], attributes, atol=1e-3)


@hint('SVMClassifier')
def svm_classifier(d):
    n, c, classes = d.int(1, 4), d.int(1, 4), d.int(2, 3)
    d.special = False
    per = d.ints(classes, 1, 3)
    pairs = classes * (classes - 1) // 2
    attributes = kernel(d, {'coefficients': [d.real(-1, 1) for _ in range(sum(per) * (classes - 1))], 'vectors_per_class': per,
                            'support_vectors': [d.real(-1, 1) for _ in range(sum(per) * c)], 'rho': [d.real(-1, 1) for _ in range(pairs)]})
    attributes.update({k.replace('_int64s', '_ints'): v for k, v in labels_of(d, classes).items()})
    if d.chance(0.4):
        attributes.update(prob_a=[d.real(-2, -1) for _ in range(pairs)], prob_b=[d.real(-0.3, 0.3) for _ in range(pairs)])
    d.maybe(attributes, 'post_transform', d.pick(POST[:4]), 0.3)
    return Case([d.tensor(0, [n, c])], attributes, 2, atol=1e-3)


def forest(d, features):
    """Parallel lists of nodes of 1 to 3 random trees, and their leaves as (tree, node)."""
    modes = ['BRANCH_LEQ', 'BRANCH_LT', 'BRANCH_GTE', 'BRANCH_GT', 'BRANCH_EQ', 'BRANCH_NEQ']
    one_mode = d.pick(modes) if d.chance(0.7) else None
    nodes = {name: [] for name in ('treeids', 'nodeids', 'featureids', 'values', 'modes', 'truenodeids', 'falsenodeids', 'missing_value_tracks_true')}
    leaves = []

    def add(tree, node, depth):
        at = len(nodes['treeids'])
        leaf = depth == 0 or d.chance(0.2)
        row = (tree, node, 0, 0.0, 'LEAF', 0, 0, 0) if leaf else (tree, node, d.int(0, features - 1), float(d.int(-2, 2)), one_mode or d.pick(modes), 0, 0, d.int(0, 1))
        for name, value in zip(nodes, row):
            nodes[name].append(value)
        if leaf:
            leaves.append((tree, node))
            return node + 1
        nodes['truenodeids'][at] = node + 1
        after = add(tree, node + 1, depth - 1)
        nodes['falsenodeids'][at] = after
        return add(tree, after, depth - 1)

    for tree in range(d.int(1, 3)):
        add(tree, 0, d.int(1, 3))
    attributes = {f'nodes_{name}': values for name, values in nodes.items()}
    if d.chance(0.5):
        del attributes['nodes_missing_value_tracks_true']
    return attributes, leaves


def tree_input(d, c):
    d.special = False
    x = np.round(d.tensor(0, [d.int(1, 5), c], (-3, 3)).astype(np.float64)).astype(d.dtype(0))
    if d.chance(0.2) and x.dtype.kind == 'f':
        x[0, 0] = np.nan
    return x


@hint('TreeEnsembleRegressor')
def tree_regressor(d):
    c, targets = d.int(1, 3), d.int(1, 3)
    attributes, leaves = forest(d, c)
    attributes.update(n_targets=targets, target_treeids=[t for t, _ in leaves], target_nodeids=[n for _, n in leaves],
                      target_ids=[d.int(0, targets - 1) for _ in leaves], target_weights=[d.real(-1, 1) for _ in leaves])
    d.maybe(attributes, 'base_values', [d.real(-1, 1) for _ in range(targets)], 0.4)
    d.maybe(attributes, 'aggregate_function', d.pick(['SUM', 'AVERAGE', 'MIN', 'MAX']), 0.6)
    d.maybe(attributes, 'post_transform', d.pick(POST[:3] if targets > 1 else POST[:1]), 0.3)
    return Case([tree_input(d, c)], attributes, atol=1e-4)


@hint('TreeEnsembleClassifier')
def tree_classifier(d):
    c, classes = d.int(1, 3), d.int(2, 4)
    attributes, leaves = forest(d, c)
    attributes.update(labels_of(d, classes))
    binary = classes == 2 and d.chance(0.5)
    low, high = ((-1, 1) if d.chance(0.5) else (0, 1)) if binary else (-1, 1)
    attributes.update(class_treeids=[t for t, _ in leaves], class_nodeids=[n for _, n in leaves],
                      class_ids=[0 if binary else d.int(0, classes - 1) for _ in leaves], class_weights=[d.real(low, high) for _ in leaves])
    d.maybe(attributes, 'base_values', [d.real(-1, 1) for _ in range(1 if binary else classes)], 0.3)
    d.maybe(attributes, 'post_transform', d.pick(POST[:4]), 0.5)
    return Case([tree_input(d, c)], attributes, 2, atol=1e-4)


@hint('TreeEnsemble')
def tree_ensemble(d):
    c, targets = d.int(1, 3), d.int(1, 2)
    dtype = d.dtype(0)
    flat, leaves = forest(d, c)
    modes = {'BRANCH_LEQ': 0, 'BRANCH_LT': 1, 'BRANCH_GTE': 2, 'BRANCH_GT': 3, 'BRANCH_EQ': 4, 'BRANCH_NEQ': 5}
    rows = list(zip(flat['nodes_treeids'], flat['nodes_nodeids']))
    inner = [k for k, mode in enumerate(flat['nodes_modes']) if mode != 'LEAF']
    if any(flat['nodes_modes'][rows.index((tree, 0))] == 'LEAF' for tree in set(flat['nodes_treeids'])):
        raise NoCase
    place = {k: i for i, k in enumerate(inner)}
    leaf_place = {leaf: i for i, leaf in enumerate(leaves)}
    a = {'nodes_truenodeids': [], 'nodes_trueleafs': [], 'nodes_falsenodeids': [], 'nodes_falseleafs': []}
    for k in inner:
        for side in ('true', 'false'):
            row = (flat['nodes_treeids'][k], flat[f'nodes_{side}nodeids'][k])
            is_leaf = row in leaf_place
            a[f'nodes_{side}leafs'].append(int(is_leaf))
            a[f'nodes_{side}nodeids'].append(leaf_place[row] if is_leaf else place[rows.index(row)])
    tensor = lambda values, kind: numpy_helper.from_array(np.array(values, kind))  # noqa: E731
    a.update(tree_roots=[place[rows.index((tree, 0))] for tree in sorted(set(flat['nodes_treeids']))], nodes_featureids=[flat['nodes_featureids'][k] for k in inner],
             nodes_splits=tensor([flat['nodes_values'][k] for k in inner], dtype), nodes_modes=tensor([modes[flat['nodes_modes'][k]] for k in inner], np.uint8),
             leaf_targetids=[d.int(0, targets - 1) for _ in leaves], leaf_weights=tensor([d.real(-1, 1) for _ in leaves], dtype), n_targets=targets)
    d.maybe(a, 'aggregate_function', d.int(0, 3))
    d.maybe(a, 'post_transform', d.int(0, 3), 0.2)
    if d.chance(0.4):
        a['nodes_missing_value_tracks_true'] = [d.int(0, 1) for _ in inner]
    return Case([tree_input(d, c)], a, atol=1e-4)


@hint('ZipMap')
def zip_map(d):
    c = d.int(1, 3)
    return Case([d.tensor(0, [d.int(1, 3), c])], labels_of(d, c))


# --- training -------------------------------------------------------------------------------------------------------------
@hint('Adagrad', 'Adam', 'Momentum')
def optimizer(d):
    d.special = False
    name = d.schema.name
    states = {'Adagrad': 1, 'Adam': 2, 'Momentum': 1}[name]
    shape, count = d.shape(0, 2, empty=0), d.int(1, 2)
    real = d.dtype(0)
    inputs = [np.array(d.real(0.01, 1), real), np.array(d.int(0, 9), I)]
    for k in range(2 + states):
        inputs += [d.array(np.float32, shape, 'positive' if k >= 2 else 'any') for _ in range(count)]
    attributes = {'norm_coefficient': d.real(0, 0.1)}
    if name == 'Momentum':
        attributes.update(alpha=d.real(0, 1), beta=d.real(0, 1), mode=d.pick(['standard', 'nesterov']))
    d.maybe(attributes, 'decay_factor', d.real(0, 0.1))
    return Case(inputs, attributes, count * (1 + states), atol=1e-4)
