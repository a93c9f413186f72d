#!/usr/bin/env python3
"""torch-step.py - tokens a second of a training step in plain PyTorch, for tools/gpu-check and tools/bench to stand beside ours

The model of train's presets (Qwen3: grouped queries, normed q and k, rotary, SwiGLU, tied embedding), torch.compile, bf16 by autocast,
scaled_dot_product_attention, fused AdamW with clipping. Prints tokens a second: on a CPU of processor
time, and then by the clock.
"""
import argparse, os, sys, time
import torch
import torch.nn as nn
import torch.nn.functional as F

args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
args.add_argument("sizes", type=int, nargs="+", metavar="N", help="LAYERS WIDTH HEADS KV HEAD_DIM FFN VOCAB BATCH CONTEXT [MICRO]")
args.add_argument("--cpu", action="store_true", help="not the GPU")
args.add_argument("--f32", action="store_true", help="no bf16")
args.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="on a CPU (default: its processors)")
args.add_argument("--mode", help="of torch.compile, such as max-autotune")
args.add_argument("--steps", type=int, help="to take the median of (default: 10 on a GPU, 5 on a CPU)")
args.add_argument("--turns", action="store_true", help="measures once for each line on standard input, so that others can take turns")
args = args.parse_args()

device = "cpu" if args.cpu else "cuda"
act = torch.float32 if args.f32 else torch.bfloat16
L, C, H, KV, D, FF, V, B, T = args.sizes[:9]
micro = args.sizes[9] if len(args.sizes) > 9 else B
torch.set_num_threads(args.threads)
wait = torch.cuda.synchronize if device == "cuda" else lambda: None


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.n1, self.n2, self.nq, self.nk = nn.RMSNorm(C, 1e-6), nn.RMSNorm(C, 1e-6), nn.RMSNorm(D, 1e-6), nn.RMSNorm(D, 1e-6)
        self.qkv, self.o = nn.Linear(C, (H + 2 * KV) * D, bias=False), nn.Linear(H * D, C, bias=False)
        self.gu, self.down = nn.Linear(C, 2 * FF, bias=False), nn.Linear(FF, C, bias=False)

    def forward(self, x, cos, sin):
        b, t, _ = x.shape
        q, k, v = self.qkv(self.n1(x)).view(b, t, H + 2 * KV, D).split([H, KV, KV], 2)
        turn = lambda a: a * cos + torch.cat([-a[..., D // 2:], a[..., :D // 2]], -1) * sin
        q, k = turn(self.nq(q)), turn(self.nk(k))
        a = F.scaled_dot_product_attention(q.transpose(1, 2), k.transpose(1, 2).to(q.dtype), v.transpose(1, 2).to(q.dtype), is_causal=True,
                                           enable_gqa=KV != H)
        x = x + self.o(a.transpose(1, 2).reshape(b, t, H * D))
        g, u = self.gu(self.n2(x)).split(FF, -1)
        return x + self.down(F.silu(g) * u)


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.norm = nn.Embedding(V, C), nn.RMSNorm(C, 1e-6)
        self.layers = nn.ModuleList(Layer() for _ in range(L))
        nn.init.normal_(self.embed.weight, 0, 0.02)
        angle = torch.arange(T)[:, None] * (1e4 ** (-torch.arange(0, D, 2) / D))[None]
        self.register_buffer("cos", torch.cat([angle.cos()] * 2, -1)[:, None].to(act))
        self.register_buffer("sin", torch.cat([angle.sin()] * 2, -1)[:, None].to(act))

    def forward(self, ids, targets):
        x = self.embed(ids).to(act)
        for layer in self.layers:
            x = layer(x, self.cos, self.sin)
        logits = F.linear(self.norm(x), self.embed.weight)
        return F.cross_entropy(logits.view(-1, V).float(), targets.reshape(-1))


torch.set_float32_matmul_precision("high")
model = Model().to(device)
optimizer = torch.optim.AdamW(model.parameters(), 1e-4, (0.9, 0.95), weight_decay=0.1, fused=True)
step = torch.compile(model, mode=args.mode)
tokens = torch.randint(0, V, (B, T + 1), device=device)


def train():
    for i in range(0, B, micro):
        with torch.autocast(device, torch.bfloat16, enabled=act == torch.bfloat16):
            loss = step(tokens[i:i + micro, :-1], tokens[i:i + micro, 1:])
        (loss * micro / B).backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)


def measure(steps):
    """Median tokens a second: on a CPU of processor time, then by the clock."""
    clock, used = [], []
    for _ in range(steps):
        wait()
        began = time.perf_counter(), time.process_time()
        train()
        wait()
        clock.append(time.perf_counter() - began[0])
        used.append(time.process_time() - began[1])
    rates = [clock] if device == "cuda" else [used, clock]
    return " ".join(f"{B * T / sorted(r)[steps // 2]:.0f}" for r in rates)


measure(5 if device == "cuda" else 2)
timed = args.steps or (10 if device == "cuda" else 5)
if not args.turns:
    print(measure(timed))
for _ in sys.stdin if args.turns else []:
    print(measure(timed), flush=True)
