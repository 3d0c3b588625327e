"""The modules of torch.nn with unusual arguments, quantized modules of torch.ao, and torchaudio's models, for pytorch_models.py.

`models(torch)` and `audio(torch)` yield (name, function that makes (description, module, inputs of a run, dynamic axes)).
"""


def layers(torch):
    """name -> (module, shapes of inputs or a function of the batch, dynamic axes). A shape's first size is the batch."""
    nn = torch.nn
    rand = torch.randn

    def batched(*shapes):
        return lambda b: tuple(rand(b, *s) for s in shapes)

    def call(function):
        class Calls(nn.Module):
            def __init__(self, **parts):
                super().__init__()
                for name, part in parts.items():
                    setattr(self, name, part)
        Calls.forward = function
        return Calls

    causal = torch.triu(torch.ones(5, 5, dtype=torch.bool), 1)
    padding = torch.zeros(2, 5, dtype=torch.bool)
    padding[:, 4] = True
    bags = torch.tensor([0, 2, 5])

    def attend(**options):
        attention = nn.MultiheadAttention(8, 2, **options.pop('make', {}))
        return call(lambda self, q, k, v: self.attention(q, k, v, **options))(attention=attention)

    def packed(cell):
        def forward(self, x):
            sequence = nn.utils.rnn.pack_padded_sequence(x, torch.tensor([5, 3]), batch_first=True)
            return nn.utils.rnn.pad_packed_sequence(self.cell(sequence)[0], batch_first=True)[0]
        return call(forward)(cell=cell)

    def first(module):
        return call(lambda self, *args: self.module(*args))(module=module)

    sequence = batched((5, 8))
    result = {
        'mha_mask': (attend(attn_mask=causal, make={'batch_first': True}), batched((5, 8), (5, 8), (5, 8))),
        'mha_no_weights': (attend(need_weights=False, is_causal=True, attn_mask=causal, make={'batch_first': True}), batched((5, 8), (5, 8), (5, 8))),
        'mha_heads': (attend(average_attn_weights=False, make={'batch_first': True, 'add_bias_kv': True, 'add_zero_attn': True}), batched((5, 8), (6, 8), (6, 8))),
        'mha_sizes': (attend(make={'kdim': 6, 'vdim': 4, 'bias': False, 'batch_first': True}), batched((5, 8), (7, 6), (7, 4))),
        'mha_padding': (attend(key_padding_mask=padding, make={'batch_first': True}), lambda b: (rand(2, 5, 8), rand(2, 5, 8), rand(2, 5, 8)), []),
        'mha_sequence_first': (attend(), lambda b: (rand(5, b, 8), rand(6, b, 8), rand(6, b, 8)), [[1]] * 3),
        'mha_unbatched': (attend(), lambda b: (rand(5, 8), rand(6, 8), rand(6, 8)), []),
        'transformer': (nn.Transformer(8, 2, 2, 2, 16, batch_first=True, activation='gelu'), batched((5, 8), (4, 8))),
        'transformer_masks': (call(lambda self, s, t: self.t(s, t, tgt_mask=nn.Transformer.generate_square_subsequent_mask(4), tgt_is_causal=True, src_key_padding_mask=padding,
                                                             memory_key_padding_mask=padding))(t=nn.Transformer(8, 2, 1, 1, 16, batch_first=True)), lambda b: (rand(2, 5, 8), rand(2, 4, 8)), []),
        'transformer_encoder': (nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, norm_first=True), 2, norm=nn.LayerNorm(8)), lambda b: (rand(5, b, 8),), [[1]]),
        'transformer_encoder_padding': (call(lambda self, x: self.e(x, src_key_padding_mask=padding))(e=nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2)),
                                        lambda b: (rand(2, 5, 8),), []),
        'transformer_decoder': (nn.TransformerDecoder(nn.TransformerDecoderLayer(8, 2, 16, batch_first=True, bias=False), 2), batched((5, 8), (4, 8))),
        'lstm_projection': (nn.LSTM(8, 6, 2, batch_first=True, proj_size=4, bidirectional=True), sequence),
        'lstm_no_bias': (nn.LSTM(8, 6, bias=False), lambda b: (rand(5, b, 8),), [[1]]),
        'lstm_state': (call(lambda self, x, h, c: self.m(x, (h, c)))(m=nn.LSTM(8, 6, 1, bidirectional=True)), lambda b: (rand(5, b, 8), rand(2, b, 6), rand(2, b, 6)), [[1]] * 3),
        'lstm_unbatched': (nn.LSTM(8, 6), lambda b: (rand(5, 8),), []),
        'gru_stack': (nn.GRU(8, 6, 3, batch_first=True, bidirectional=True), sequence),
        'gru_state': (call(lambda self, x, h: self.m(x, h))(m=nn.GRU(8, 6, bias=False)), lambda b: (rand(5, b, 8), rand(1, b, 6)), [[1]] * 2),
        'rnn_relu': (nn.RNN(8, 6, 2, nonlinearity='relu', bidirectional=True, batch_first=True), sequence),
        'rnn_tanh': (nn.RNN(8, 6), lambda b: (rand(5, b, 8),), [[1]]),
        'lstm_packed': (packed(nn.LSTM(8, 6, batch_first=True, bidirectional=True)), lambda b: (rand(2, 5, 8),), []),
        'gru_packed': (packed(nn.GRU(8, 6, batch_first=True)), lambda b: (rand(2, 5, 8),), []),
        'cells': (call(lambda self, x: (self.a(x), self.b(x), *self.c(x)))(a=nn.RNNCell(8, 4, nonlinearity='relu'), b=nn.GRUCell(8, 4), c=nn.LSTMCell(8, 4, bias=False)), batched((8,))),
        'bilinear': (nn.Bilinear(4, 5, 6), batched((4,), (5,))),
        'distances': (call(lambda self, a, b: (self.cos(a, b), self.pair(a, b), torch.cdist(a, b, p=1.0)))(cos=nn.CosineSimilarity(dim=-1, eps=1e-6), pair=nn.PairwiseDistance(3.0, keepdim=True)),
                      batched((4, 6), (4, 6))),
        'fold': (call(lambda self, x: self.fold(self.unfold(x)))(unfold=nn.Unfold((2, 3), 1, (1, 0), (2, 1)), fold=nn.Fold((6, 7), (2, 3), 1, (1, 0), (2, 1))), batched((3, 6, 7))),
        'embedding_bag': (call(lambda self, i: (self.m(i, bags), self.s(i, bags), self.x(i, bags)))(m=nn.EmbeddingBag(20, 4, mode='mean'), s=nn.EmbeddingBag(20, 4, mode='sum', padding_idx=2),
                                                                                                  x=nn.EmbeddingBag(20, 4, mode='max')), lambda b: (torch.randint(0, 20, (8,)),), []),
        'embedding_bag_2d': (call(lambda self, i, w: self.m(i, per_sample_weights=w))(m=nn.EmbeddingBag(20, 4, mode='sum', include_last_offset=False)),
                             lambda b: (torch.randint(0, 20, (b, 5)), rand(b, 5)), [[0], [0]]),
        'embedding_norm': (nn.Embedding(20, 4, max_norm=1.0, padding_idx=0), lambda b: (torch.randint(0, 20, (b, 5)),)),
        'shuffles': (call(lambda self, x: (self.a(x), self.b(x), self.c(x)))(a=nn.PixelShuffle(2), b=nn.PixelUnshuffle(2), c=nn.ChannelShuffle(4)), batched((8, 4, 6))),
        'adaptive': (call(lambda self, x, y, z: (self.a(x), self.b(x), self.c(y), *self.d(y), self.e(z), self.f(z)))(
            a=nn.AdaptiveAvgPool1d(3), b=nn.AdaptiveMaxPool1d(2), c=nn.AdaptiveAvgPool2d((None, 3)), d=nn.AdaptiveMaxPool2d((3, 2), return_indices=True), e=nn.AdaptiveAvgPool3d((2, 1, 3)),
            f=nn.AdaptiveMaxPool3d(2)), batched((3, 9), (3, 6, 9), (2, 4, 5, 6))),
        'pools': (call(lambda self, x, y, z: (*self.a(x), self.b(y), self.c(y), self.d(z), self.e(y), self.f(x)))(
            a=nn.MaxPool1d(3, 2, dilation=2, return_indices=True), b=nn.MaxPool2d((3, 2), (2, 1), (1, 0), ceil_mode=True), c=nn.AvgPool2d(3, 2, 1, ceil_mode=True, divisor_override=4),
            d=nn.AvgPool3d(2, 1, count_include_pad=False), e=nn.LPPool2d(2, 3, stride=2), f=nn.LPPool1d(3, 2, ceil_mode=True)), batched((3, 11), (3, 9, 8), (2, 4, 5, 6))),
        'unpool': (call(lambda self, x: self.u(*self.p(x), output_size=x.shape))(p=nn.MaxPool2d(2, return_indices=True), u=nn.MaxUnpool2d(2)), batched((3, 7, 8))),
        'unpool_3d': (call(lambda self, x: self.u(*self.p(x)))(p=nn.MaxPool3d(2, return_indices=True), u=nn.MaxUnpool3d(2)), batched((2, 4, 4, 6))),
        'convolutions': (call(lambda self, x, y, z: (self.a(x), self.b(y), self.c(z), self.d(y), self.e(x)))(
            a=nn.Conv1d(4, 6, 3, padding='same', dilation=2, padding_mode='circular'), b=nn.Conv2d(4, 8, (3, 2), (2, 1), (2, 1), groups=2, padding_mode='reflect', bias=False),
            c=nn.Conv3d(2, 4, 2, padding='valid'), d=nn.Conv2d(4, 4, 3, padding=1, padding_mode='replicate', groups=4), e=nn.Conv1d(4, 4, 4, padding='same')), batched((4, 10), (4, 8, 9), (2, 4, 5, 6))),
        'transposed': (call(lambda self, x, y, z: (self.a(x), self.b(y), self.c(z), self.d(y, output_size=[17, 18])))(
            a=nn.ConvTranspose1d(4, 6, 3, 2, 1, 1, dilation=2), b=nn.ConvTranspose2d(4, 6, 3, (2, 3), groups=2, bias=False), c=nn.ConvTranspose3d(2, 3, 2, 2),
            d=nn.ConvTranspose2d(4, 2, 3, 2, 1)), batched((4, 6), (4, 9, 9), (2, 3, 4, 5))),
        'unbatched': (call(lambda self, x: (self.a(x), self.b(x), self.c(x), self.d(x)))(a=nn.Conv2d(3, 4, 3), b=nn.MaxPool2d(2), c=nn.AdaptiveAvgPool2d(1), d=nn.InstanceNorm2d(3)),
                      lambda b: (rand(3, 8, 8),), []),
        'norms': (call(lambda self, x: (self.a(x), self.b(x), self.c(x), self.d(x), self.e(x), self.f(x), self.g(x)))(
            a=nn.BatchNorm2d(4, affine=False), b=nn.BatchNorm2d(4, track_running_stats=False), c=nn.InstanceNorm2d(4, affine=True, track_running_stats=True), d=nn.GroupNorm(2, 4, affine=False),
            e=nn.LayerNorm((6, 5), bias=False), f=nn.LocalResponseNorm(3, k=2.0), g=nn.RMSNorm((5,), eps=1e-5)), batched((4, 6, 5))),
        'weight_norm': (nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Conv1d(4, 6, 3)), nn.utils.parametrizations.spectral_norm(nn.Conv1d(6, 4, 2)), nn.Flatten(),
                                      nn.utils.parametrizations.orthogonal(nn.Linear(28, 8))), batched((4, 10))),
        'old_weight_norm': (nn.Sequential(nn.utils.weight_norm(nn.Linear(4, 6)), nn.utils.weight_norm(nn.Linear(6, 4), dim=None)), batched((4,))),
        'activations': (call(lambda self, x: tuple(a(x) for a in self.all))(all=nn.ModuleList([
            nn.CELU(0.5), nn.ELU(0.7), nn.GELU('tanh'), nn.GLU(1), nn.Hardshrink(0.3), nn.Hardsigmoid(), nn.Hardtanh(-0.2, 0.4), nn.LeakyReLU(0.3), nn.LogSigmoid(), nn.Mish(), nn.PReLU(4), nn.ReLU6(),
            nn.RReLU(), nn.SELU(), nn.Softmin(1), nn.Softplus(2.0, 3.0), nn.Softshrink(0.2), nn.Softsign(), nn.Tanhshrink(), nn.Threshold(0.1, -5.0), nn.Softmax2d(), nn.LogSoftmax(2)])), batched((4, 6, 5))),
        'paddings': (call(lambda self, x, y, z: (self.a(x), self.b(x), self.c(y), self.d(y), self.e(y), self.f(z), self.g(z), self.h(x)))(
            a=nn.ReflectionPad1d((2, 1)), b=nn.CircularPad1d((1, 2)), c=nn.ReplicationPad2d((1, 2, 0, 3)), d=nn.ZeroPad2d((-1, 2, 1, -1)), e=nn.CircularPad2d((1, 2, 3, 0)), f=nn.ReflectionPad3d(1),
            g=nn.ConstantPad3d((1, 0, 2, 1, 0, 1), 3.5), h=nn.ReplicationPad1d(3)), batched((3, 6), (3, 5, 6), (2, 3, 4, 5))),
        'upsampling': (call(lambda self, x, y, z: (self.a(x), self.b(y), self.c(y), self.d(y), self.e(z), self.f(z)))(
            a=nn.Upsample(scale_factor=1.5, mode='linear'), b=nn.UpsamplingNearest2d(scale_factor=2), c=nn.UpsamplingBilinear2d(size=(7, 9)), d=nn.Upsample(size=(4, 11), mode='bicubic'),
            e=nn.Upsample(scale_factor=(2, 1.5, 1), mode='trilinear', align_corners=True), f=nn.Upsample(scale_factor=2, mode='nearest')), batched((3, 6), (3, 5, 6), (2, 3, 4, 5))),
        'shapes': (nn.Sequential(nn.Unflatten(1, (2, 3)), nn.Flatten(2, 3), nn.Identity(), nn.Dropout2d(), nn.AlphaDropout(), nn.FeatureAlphaDropout()), batched((6, 4))),
        'adaptive_softmax': (call(lambda self, x: (self.m.log_prob(x), self.m.predict(x)))(m=nn.AdaptiveLogSoftmaxWithLoss(8, 30, [5, 15], div_value=2.0, head_bias=True)), batched((8,))),
        'losses': (call(lambda self, x, y, t: (self.a(x, t), self.b(x, y), self.c(x, y), self.d(x, y), self.e(torch.log_softmax(x, 1), torch.softmax(y, 1)), self.f(x, torch.sign(y)), self.g(x, y, -y)))(
            a=nn.CrossEntropyLoss(label_smoothing=0.1, weight=torch.rand(6), ignore_index=2), b=nn.SmoothL1Loss(beta=0.4), c=nn.HuberLoss('sum', 0.7), d=nn.BCEWithLogitsLoss(pos_weight=torch.rand(6)),
            e=nn.KLDivLoss(reduction='batchmean'), f=nn.SoftMarginLoss(), g=nn.TripletMarginLoss(swap=True)), lambda b: (rand(b, 6), torch.rand(b, 6), torch.randint(0, 6, (b,))), [[0]] * 3),
        'gather_message_passing': (call(lambda self, x, e: (torch.zeros(x.shape[0], 4).index_add_(0, e[1], self.m(x)[e[0]]),
                                                            torch.zeros(x.shape[0], 4).scatter_reduce(0, e[1][:, None].expand(-1, 4), self.m(x)[e[0]], 'amax', include_self=False),
                                                            torch.zeros(x.shape[0]).scatter_add_(0, e[1], torch.ones(e.shape[1]))))(m=nn.Linear(6, 4)),
                                  lambda b: (rand(b + 5, 6), torch.randint(0, 7, (2, 9 + b))), [[0], [1]]),
        'edge_softmax': (call(lambda self, s, i: torch.exp(s - torch.full((7,), -1e9).scatter_reduce(0, i, s, 'amax')[i])
                              / torch.zeros(7).scatter_add(0, i, torch.exp(s - torch.full((7,), -1e9).scatter_reduce(0, i, s, 'amax')[i]))[i])(), lambda b: (rand(8 + b), torch.randint(0, 7, (8 + b,))), [[0], [0]]),
    }
    return {name: (item[0], item[1], item[2] if len(item) > 2 else [[0]] * len(item[1](2))) for name, item in result.items()}


def models(torch):
    for name, (module, inputs, dynamic) in layers(torch).items():
        def make(m=module, i=inputs, d=dynamic, n=name):
            return f'torch.nn {n}', m.eval(), (lambda run: i(2 + run)), d
        yield f'nn_{name}', make
    for name, make in quantized(torch):
        yield f'quantized_{name}', make


def quantized(torch):
    """PT2E (XNNPACK-like symmetric int8) where torch.ao has it, and eager-mode modules, static and dynamic."""
    nn, q = torch.nn, torch.ao.quantization

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.quant, self.dequant, self.plus = q.QuantStub(), q.DeQuantStub(), torch.ao.nn.quantized.FloatFunctional()
            self.body = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 8, 3, groups=2, padding=1), nn.Hardswish(), nn.ConvTranspose2d(8, 8, 2, 2))
            self.side, self.head = nn.Conv2d(3, 8, 1), nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5), nn.LeakyReLU())

        def forward(self, x):
            x = self.quant(x)
            return self.dequant(self.head(self.plus.cat([self.plus.add(self.body(x), self.side(x)), self.side(x)], 1)[:, :8]))

    def eager(backend):
        torch.backends.quantized.engine = backend
        net = Net().eval()
        net.qconfig = q.get_default_qconfig(backend)
        net = q.prepare(q.fuse_modules(net, [['body.0', 'body.1', 'body.2']]))
        net(torch.randn(2, 3, 8, 8))
        return f'eager-mode quantization ({backend})', q.convert(net), lambda run: (torch.randn(2, 3, 8, 8),), [[]]

    def dynamic(dtype):
        class Sequence(nn.Module):
            def __init__(self):
                super().__init__()
                self.lstm, self.gru, self.head = nn.LSTM(6, 8, 2, batch_first=True), nn.GRU(8, 4, bidirectional=True), nn.Linear(8, 3)

            def forward(self, x):
                return self.head(self.gru(self.lstm(x)[0])[0])
        return f'dynamic quantization ({dtype})', q.quantize_dynamic(Sequence().eval(), {nn.LSTM, nn.GRU, nn.Linear}, dtype), lambda run: (torch.randn(2, 4, 6),), [[]]

    def pt2e():
        from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e
        from torchao.quantization.pt2e.quantizer.x86_inductor_quantizer import X86InductorQuantizer, get_default_x86_inductor_quantization_config
        quantizer = X86InductorQuantizer().set_global(get_default_x86_inductor_quantization_config())
        net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5)).eval()
        prepared = prepare_pt2e(torch.export.export(net, (torch.randn(2, 3, 8, 8),)).module(), quantizer)
        prepared(torch.randn(2, 3, 8, 8))
        return 'PT2E quantization', convert_pt2e(prepared), lambda run: (torch.randn(2, 3, 8, 8),), [[]]

    for backend in ('fbgemm', 'qnnpack', 'onednn'):
        yield f'eager_{backend}', lambda b=backend: eager(b)
    for dtype in (torch.qint8, torch.float16):
        yield f'dynamic_{str(dtype)[6:]}', lambda d=dtype: dynamic(d)
    yield 'pt2e', pt2e


def audio(torch):
    """torchaudio's models by small arguments, and its transforms."""
    import torchaudio
    m, t = torchaudio.models, torchaudio.transforms
    rand = torch.randn
    encoder = dict(extractor_mode='group_norm', extractor_conv_layer_config=[(16, 10, 5), (16, 3, 2), (16, 2, 2)], extractor_conv_bias=False, encoder_embed_dim=32, encoder_projection_dropout=0.0,
                   encoder_pos_conv_kernel=16, encoder_pos_conv_groups=4, encoder_num_layers=2, encoder_num_heads=4, encoder_attention_dropout=0.0, encoder_ff_interm_features=48,
                   encoder_ff_interm_dropout=0.0, encoder_dropout=0.0, encoder_layer_norm_first=False, encoder_layer_drop=0.0, aux_num_out=8)

    class Lengths(torch.nn.Module):
        def __init__(self, model, count):
            super().__init__()
            self.model, self.count = model, count

        def forward(self, x):
            return self.model(x, torch.full((x.shape[0],), self.count))

    class Tokens(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = m.Tacotron2(n_symbol=20, symbol_embedding_dim=16, encoder_embedding_dim=16, n_mels=8, decoder_rnn_dim=16, attention_rnn_dim=16, attention_hidden_dim=8,
                                     attention_location_n_filter=4, prenet_dim=8, postnet_embedding_dim=16, decoder_max_step=6)

        def forward(self, tokens, mel):
            return self.model(tokens, torch.tensor([6, 5]), mel, torch.tensor([4, 4]))

    wave = lambda n: lambda run: (rand(2 + run, n),)  # noqa: E731
    rows = {
        'wav2letter': (lambda: m.Wav2Letter(num_classes=8, input_type='mfcc', num_features=13), lambda run: (rand(2 + run, 13, 60),)),
        'conformer': (lambda: Lengths(m.Conformer(16, 4, 32, 2, 7), 12), lambda run: (rand(2 + run, 12, 16),)),
        'emformer': (lambda: Lengths(m.Emformer(16, 2, 32, 2, 4, right_context_length=1), 12), lambda run: (rand(2 + run, 13, 16),)),
        'deepspeech': (lambda: m.DeepSpeech(13, n_hidden=16, n_class=8), lambda run: (rand(2 + run, 1, 12, 13),)),
        'wav2vec2': (lambda: m.wav2vec2_model(**encoder), wave(2000)),
        'hubert': (lambda: m.wav2vec2_model(**{**encoder, 'encoder_layer_norm_first': True, 'extractor_mode': 'layer_norm', 'extractor_conv_bias': True}), wave(2000)),
        'wavlm': (lambda: m.wavlm_model(**{k: v for k, v in encoder.items()}, encoder_num_buckets=20, encoder_max_distance=50), wave(2000)),
        'wavernn': (lambda: m.WaveRNN([4, 4, 4], 16, 64, n_res_block=2, n_rnn=16, n_fc=16, kernel_size=5, n_freq=8, n_hidden=8, n_output=8), lambda run: (rand(2, 1, 64 * 4), rand(2, 1, 8, 8))),
        'convtasnet': (lambda: m.ConvTasNet(2, 16, 16, 3, 8, 8, 2, 2), lambda run: (rand(2 + run, 1, 512),)),
        'hdemucs': (lambda: m.HDemucs(['a', 'b'], channels=8, nfft=512, depth=4), lambda run: (rand(1, 2, 8192),)),
        'tacotron2': (Tokens, lambda run: (torch.randint(0, 20, (2, 6)), rand(2, 8, 4))),
        'squim': (lambda: m.squim_objective_model(feat_dim=16, win_len=16, d_model=16, nhead=4, hidden_dim=16, num_blocks=1, rnn_type='LSTM', chunk_size=7), lambda run: (rand(1, 800),)),
        'mel': (lambda: torch.nn.Sequential(t.MelSpectrogram(16000, 200, n_mels=16, power=2.0), t.AmplitudeToDB('power', 80.0)), wave(1600)),
        'mfcc': (lambda: t.MFCC(16000, 13, melkwargs={'n_fft': 200, 'n_mels': 23}), wave(1600)),
        'lfcc': (lambda: t.LFCC(16000, 20, 8, speckwargs={'n_fft': 200}), wave(1600)),
        'resample': (lambda: t.Resample(16000, 12000), wave(800)),
        'spectrogram': (lambda: t.Spectrogram(200, power=None), wave(1600)),
        'griffinlim': (lambda: t.GriffinLim(100, n_iter=2, rand_init=False), lambda run: (torch.rand(2 + run, 51, 12),)),
        'inverse': (lambda: torch.nn.Sequential(t.Spectrogram(100, power=None), t.InverseSpectrogram(100)), wave(800)),
        'centroid': (lambda: t.SpectralCentroid(16000, 200), wave(1600)),
        'deltas': (lambda: torch.nn.Sequential(t.ComputeDeltas(), t.SlidingWindowCmn(5, center=True)), lambda run: (rand(2 + run, 8, 20),)),
        'vad': (lambda: torch.nn.Sequential(t.Preemphasis(), t.Deemphasis(), t.Fade(10, 20), t.Vol(6.0, 'db')), wave(400)),
        'pitch': (lambda: t.PitchShift(16000, 4, n_fft=128), wave(800)),
    }
    for name, (make, inputs) in rows.items():
        axes = [[0]] * len(inputs(0)) if inputs(0)[0].shape[0] != inputs(1)[0].shape[0] else [[]] * len(inputs(0))
        yield f'audio_{name}', lambda n=name, f=make, i=inputs, a=axes: (f'torchaudio {n}', f().eval(), i, a)
