"""The Keras side of bench/supervised.py, with the network, initial weights, masks and schedule of docs/model.md.

usage: supervised_keras.py TRAIN.csv TEST.csv COLUMNS.json TARGET SEED EPOCHS     prints log-loss and AUROC on TEST"""
import json, os, sys
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import numpy as np, pandas as pd
import keras, tensorflow as tf
from keras import initializers, layers, ops
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.preprocessing import QuantileTransformer

train_path, test_path, columns, target, seed, epochs = *sys.argv[1:5], int(sys.argv[5]), int(sys.argv[6])
keras.utils.set_random_seed(seed)
columns = json.load(open(columns))
categorical = [c for c in columns["categorical"] if c != target]
numeric = columns["numeric"]
MASK, BATCH, PEAK, PROJECTION, WIDTHS, SLOPE = 0.1, 256, 3e-3, 10, (64, 32), 0.01

frames = [pd.read_csv(p, dtype={c: str for c in categorical}) for p in (train_path, test_path)]
vocabulary = {c: {v: i + 1 for i, v in enumerate(frames[0][c].value_counts(dropna=False).index)} for c in categorical}
classes = {v: i for i, v in enumerate(frames[0][target].value_counts().index)}
ranks = QuantileTransformer(n_quantiles=257, output_distribution="normal", subsample=10**9, random_state=0).fit(frames[0][numeric])


def encode(d):
    ids = np.stack([d[c].map(vocabulary[c]).fillna(0).to_numpy(np.int32) for c in categorical], 1)
    values = ranks.transform(d[numeric]).astype(np.float32)
    bound = 2.885635  # the normal quantile of 511/512
    missing = np.isnan(values).astype(np.float32)
    return [ids, np.clip(np.nan_to_num(values), -bound, bound), missing], d[target].map(classes).to_numpy()


class Mask(layers.Layer):
    """Hides each cell with probability MASK: the id becomes 0, or the value 0 and the missing flag 1."""
    def call(self, x, training=False):
        ids, values, missing = x
        if not training:
            return ids, values, missing
        hidden = tf.random.uniform(tf.shape(ids)) < MASK
        gone = tf.random.uniform(tf.shape(values)) < MASK
        return tf.where(hidden, 0, ids), tf.where(gone, 0.0, values), tf.where(gone, 1.0, missing)


class OneCycle(keras.optimizers.schedules.LearningRateSchedule):
    def __init__(self, total):
        self.total = float(total)

    def __call__(self, step):
        t, up, last = ops.cast(step, "float32"), 0.1 * self.total - 1, self.total - 1
        a = ops.where(t < up, PEAK / 25, PEAK)
        b = ops.where(t < up, PEAK, PEAK / 250000)
        s = ops.where(t < up, t / up, (t - up) / (last - up))
        return b + (a - b) * (1 + ops.cos(np.pi * s)) / 2


def uniform(width):
    return initializers.RandomUniform(-1 / width**0.5, 1 / width**0.5)


inputs = [layers.Input((len(categorical),), dtype="int32"), layers.Input((len(numeric),)), layers.Input((len(numeric),))]
ids, values, missing = Mask()(inputs)
parts = []
for i, c in enumerate(categorical):
    V = len(vocabulary[c]) + 1
    table = layers.Embedding(V, min(50, max(2, (V + 1) // 2)), embeddings_initializer=initializers.RandomNormal(0, 0.05))
    parts.append(table(ids[:, i]))
parts.append(layers.Dense(PROJECTION, kernel_initializer=uniform(2 * len(numeric)))(layers.Concatenate()([values, missing])))
h = layers.Concatenate()(parts)
for w in WIDTHS:
    he = initializers.RandomNormal(0, (2 / (1 + SLOPE**2) / h.shape[-1]) ** 0.5)
    h = layers.LeakyReLU(negative_slope=SLOPE)(layers.Dense(w, kernel_initializer=he)(h))
model = keras.Model(inputs, layers.Dense(len(classes), activation="softmax", kernel_initializer=uniform(h.shape[-1]))(h))

x, y = encode(frames[0])
held = np.random.default_rng(seed).random(len(y)) < 0.1
rest = [v[~held] for v in x], y[~held]
steps = -(-len(rest[1]) // BATCH)
model.compile(loss="sparse_categorical_crossentropy", optimizer=keras.optimizers.Adam(OneCycle(epochs * steps), epsilon=1e-8))
best = keras.callbacks.EarlyStopping(patience=10, restore_best_weights=True)
model.fit(*rest, batch_size=BATCH, epochs=epochs, verbose=0, validation_data=([v[held] for v in x], y[held]), callbacks=[best])
x, y = encode(frames[1])
p = model.predict(x, batch_size=4096, verbose=0)
print(log_loss(y, p), roc_auc_score(y, p[:, 1]))
