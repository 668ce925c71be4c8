"""Translation of image captions from English to German.

    python examples/translation.py [--epochs N] [--lines N] [--attention none]
                                   [--plot FILE] [--test]

reads multi30k/ in the folder in SKRNN_DATA, by default ../shared/data beside the
repository: 29,000 training and 1,014 development pairs of sentences, tokenised and in
lower case. After each epoch the script prints the BLEU of greedy translations of the
development data, finally some translations by a beam search of width 5, and with
`--test` the BLEU of the 1,000 test pairs. `--attention none` trains without attention,
for comparison; `--plot` saves a plot of the attention weights of a sentence. Half an
hour on one core.
"""

import warnings

from common import find, parser, read_lines
from sklearn.pipeline import make_pipeline

from skrnn import RNNSeq2Seq, Tokenizer, VocabularyEncoder
from skrnn.metrics import bleu_score

FOLDER = "multi30k"
TEST = "test_2016_flickr"
BEAM = {"beam_width": 5, "length_penalty": 1.0}


def read_pairs(folder, part, n_lines=None):
    """Return the sentences of a part, English and German."""
    paths = (folder / f"{part}.lc.norm.tok.{language}" for language in ("en", "de"))
    return [list(filter(None, read_lines(path, n_lines))) for path in paths]


def make_model(epochs, attention="general"):
    """Return a pipeline from English to German texts."""
    words = Tokenizer(token_pattern=r"\S+")
    return make_pipeline(
        words,
        VocabularyEncoder(max_tokens=8000),
        RNNSeq2Seq(
            attention=attention,
            hidden_layer_sizes=192,
            embedding_dim=192,
            dropout=0.3,
            batch_size=64,
            learning_rate="exponential",
            learning_rate_init=0.003,
            decay_start=4,
            decay_steps=2,
            max_iter=epochs,
            target_tokenizer=words,
            max_target_tokens=8000,
            random_state=0,
        ),
    )


def plot_attention(model, sentence, path):
    """Save a plot of the attention weights in the translation of a sentence."""
    import matplotlib.pyplot as plt

    X = model[:-1].transform([sentence])
    translated = model[-1].predict(X)
    [weights] = model[-1].attention_weights(X, translated)
    read, written = sentence.split(), [*translated[0].split(), "end"]
    figure, axis = plt.subplots(figsize=(8, 6), layout="constrained")
    axis.imshow(weights, vmin=0, vmax=1, cmap="Blues")
    axis.set_xticks(range(len(read)), read, rotation=60, ha="right")
    axis.set_yticks(range(len(written)), written)
    figure.savefig(path)


def main():
    """Train, and translate after each epoch."""
    options = parser(__doc__, epochs=9)
    options.add_argument("--attention", default="general", help="dot, additive or none")
    options.add_argument("--plot", metavar="FILE", help="file for a plot of attention")
    options.add_argument("--test", action="store_true", help="test at the end")
    options = options.parse_args()
    folder = find(FOLDER)
    train, y_train = read_pairs(folder, "train", options.lines)
    develop, y_develop = read_pairs(folder, "val", options.lines)
    print(f"{len(train)} sentences to learn from, {len(develop)} to develop on.\n")

    attention = None if options.attention == "none" else options.attention
    model = make_model(options.epochs, attention)
    encoder, seq2seq = model[:-1], model[-1]
    X, X_develop = encoder.fit_transform(train), encoder.transform(develop)
    # after the first epochs some translations may not end
    warnings.filterwarnings("ignore", ".* did not end within")
    print("epoch    loss   BLEU")
    for epoch in range(1, options.epochs + 1):
        seq2seq.partial_fit(X, y_train)
        bleu = bleu_score(y_develop, seq2seq.predict(X_develop), tokenizer=str.split)
        print(f"{epoch:5}  {seq2seq.loss_curve_[-1]:.4f}  {bleu:5.2f}", flush=True)

    seq2seq.set_params(**BEAM)
    translated = model.predict(develop[:4])
    for three in zip(develop, y_develop, translated, strict=False):
        print("\n  {}\n  {}\n  {}".format(*three))
    if options.plot:
        plot_attention(model, develop[0], options.plot)
    if options.test:
        test, y_test = read_pairs(folder, TEST)
        bleu = bleu_score(y_test, model.predict(test), tokenizer=str.split)
        print(f"\nTest BLEU {bleu:.2f}, beam width {seq2seq.beam_width}")


if __name__ == "__main__":
    main()
