"""Trains a random forest on scikit-learn's wine data and writes it as ai.onnx.ml. Repeatable: fixed seeds.

    python examples/wine/train.py      needs numpy, scikit-learn and onnx; takes seconds

Data: 178 chemical analyses of Italian wines from three cultivars (sklearn.datasets.load_wine), from S. Aeberhard and M. Forina,
"Wine", UCI Machine Learning Repository, 1992, licence CC BY 4.0. A quarter of them is held out: the samples and the accuracy
come from these.
"""
import csv
import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper
from sklearn.datasets import load_wine
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split

FOLDER = Path(__file__).parent
TREES = 30
DEPTH = 5
SAMPLES = 12
CULTIVARS = ['cultivar 1', 'cultivar 2', 'cultivar 3']


def float_at_most(thresholds):
    """float32 values t32 with: x <= t exactly where x <= t32, for every float32 x."""
    t32 = thresholds.astype(np.float32)
    above = t32.astype(np.float64) > thresholds
    t32[above] = np.nextafter(t32[above], np.float32(-np.inf))
    return t32


def ensemble_attributes(forest):
    """The attributes of TreeEnsembleClassifier: parallel lists, one entry a node and one a (leaf, class)."""
    a = {name: [] for name in ('nodes_treeids', 'nodes_nodeids', 'nodes_featureids', 'nodes_values', 'nodes_modes', 'nodes_truenodeids',
                               'nodes_falsenodeids', 'class_treeids', 'class_nodeids', 'class_ids', 'class_weights')}
    for tree_id, estimator in enumerate(forest.estimators_):
        tree = estimator.tree_
        leaf = tree.children_left < 0
        a['nodes_treeids'] += [tree_id] * tree.node_count
        a['nodes_nodeids'] += range(tree.node_count)
        a['nodes_featureids'] += np.where(leaf, 0, tree.feature).tolist()
        a['nodes_values'] += np.where(leaf, 0, float_at_most(tree.threshold)).tolist()
        a['nodes_modes'] += np.where(leaf, 'LEAF', 'BRANCH_LEQ').tolist()
        a['nodes_truenodeids'] += np.where(leaf, 0, tree.children_left).tolist()
        a['nodes_falsenodeids'] += np.where(leaf, 0, tree.children_right).tolist()
        for node in np.flatnonzero(leaf):
            shares = tree.value[node, 0] / tree.value[node, 0].sum()
            for class_id in np.flatnonzero(shares):
                a['class_treeids'].append(tree_id)
                a['class_nodeids'].append(int(node))
                a['class_ids'].append(int(class_id))
                a['class_weights'].append(float(shares[class_id] / len(forest.estimators_)))
    return a


def write_model(forest, means, names, accuracy):
    nodes = [
        helper.make_node('Imputer', ['measurements'], ['complete'], 'fill_in_means', domain='ai.onnx.ml',
                         imputed_value_floats=means.tolist(), replaced_value_float=float('nan')),
        helper.make_node('TreeEnsembleClassifier', ['complete'], ['cultivar', 'probabilities'], 'forest', domain='ai.onnx.ml',
                         classlabels_strings=CULTIVARS, post_transform='NONE', **ensemble_attributes(forest)),
    ]
    graph = helper.make_graph(
        nodes, 'wine',
        [helper.make_tensor_value_info('measurements', TensorProto.FLOAT, ['batch', len(names)], ', '.join(names) + '; NaN where unknown')],
        [helper.make_tensor_value_info('cultivar', TensorProto.STRING, ['batch']),
         helper.make_tensor_value_info('probabilities', TensorProto.FLOAT, ['batch', 3])])
    model = helper.make_model(graph, producer_name='sardonyx examples', ir_version=8,
                              opset_imports=[helper.make_opsetid('', 18), helper.make_opsetid('ai.onnx.ml', 3)])
    model.doc_string = "Tells a wine's cultivar from 13 measurements. Made by examples/wine/train.py."
    helper.set_model_props(model, {
        'task': 'tabular classification',
        'columns': ','.join(names),
        'labels': ','.join(CULTIVARS),
        'accuracy': f'{accuracy:.4f} on held-out wines',
        'data': 'Wine, S. Aeberhard and M. Forina, UCI, CC BY 4.0',
        'license': 'Apache-2.0',
    })
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, FOLDER / 'wine.onnx')


def write_samples(x, forest, means, names):
    np.savez_compressed(FOLDER / 'inputs_0.npz', measurements=x)
    known = np.where(np.isnan(x), means, x)
    np.savez_compressed(FOLDER / 'outputs_0.npz', cultivar=np.array(CULTIVARS)[forest.predict(known)],
                        probabilities=forest.predict_proba(known).astype(np.float32))
    with open(FOLDER / 'samples.csv', 'w', newline='') as file:
        writer = csv.writer(file, lineterminator='\n')
        writer.writerow(names)
        writer.writerows([['' if np.isnan(v) else str(v) for v in row] for row in x])
    first = [['NaN' if np.isnan(v) else float(str(v)) for v in x[0]]]
    (FOLDER / 'sample.json').write_text(json.dumps(first) + '\n')


def main():
    wine = load_wine()
    names = [name.replace('od280/od315_of_diluted_wines', 'od280_od315') for name in wine.feature_names]
    x, held_out, y, truth = train_test_split(wine.data.astype(np.float32), wine.target, test_size=0.25, random_state=3, stratify=wine.target)
    forest = RandomForestClassifier(TREES, max_depth=DEPTH, random_state=3).fit(x, y)
    accuracy = forest.score(held_out, truth)
    print(f'accuracy on {len(truth)} held-out wines: {accuracy:.4f}')
    means = x.mean(0)
    write_model(forest, means, names, accuracy)

    samples = held_out[:SAMPLES].copy()
    samples[3, 4] = samples[7, 12] = np.nan  # measurements that were not taken
    write_samples(samples, forest, means, names)


if __name__ == '__main__':
    main()
