"""The convolutions of bench/README.md in PyTorch: python torch_conv.py [threads] [part of a shape's name]
channels last, fp32; milliseconds (GFLOP/s) forward, input gradient, weight gradient. One thread: processor time."""
import sys, time, torch
torch.set_num_threads(int(sys.argv[1]) if len(sys.argv) > 1 else 2)
clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
# name, batch, size, channels in, channels out, kernel, stride, padding
cases = [
    ("wgan16 critic 1",128,40,1,16,3,2,1),
    ("wgan16 critic 2",128,20,16,32,3,2,1),
    ("wgan16 critic 3",128,11,32,64,3,2,1),
    ("wgan16 critic 4",128,6,64,128,3,1,1),
    ("wgan128 critic 1",128,40,1,128,3,2,1),
    ("wgan128 critic 2",128,20,128,256,3,2,1),
    ("wgan128 critic 3",128,11,256,512,3,2,1),
    ("wgan128 critic 4",128,6,512,1024,3,1,1),
    ("poly generator 1",128,20,128,128,3,1,1),
    ("poly generator 2",128,40,64,128,3,1,1),
    ("poly generator 3",128,40,1,64,3,1,1),
    ("to one channel",128,40,64,1,3,1,1),
    ("dcgan 1",128,64,3,64,4,2,1),
    ("dcgan 2",128,32,64,128,4,2,1),
    ("dcgan 3",128,16,128,256,4,2,1),
    ("dcgan 4",128,8,256,512,4,2,1),
    ("dcgan 5",128,4,512,1,4,1,0),
    ("latent",128,4,512,100,4,1,0),
    ("mnist 5x5 1",64,28,1,64,5,2,2),
    ("mnist 5x5 2",64,14,64,128,5,2,2),
    ("mnist 5x5 3",64,7,128,256,5,2,2),
    ("mnist 4x4 1",128,28,1,64,4,2,1),
    ("mnist 4x4 2",128,14,64,128,4,2,1),
    ("rgb",64,32,3,64,3,1,1),
    ("to rgb",64,32,64,3,3,1,1),
]
def best(f):
    f()
    times = []
    while len(times) < 3 or (sum(times) < .2 and len(times) < 200):
        t = clock(); f(); times.append(clock() - t)
    return min(times) * 1e3
for name, N, H, C, K, k, s, p in cases:
    if len(sys.argv) > 2 and sys.argv[2] not in name: continue
    x = torch.randn(N, C, H, H).contiguous(memory_format=torch.channels_last)
    w = torch.randn(K, C, k, k).contiguous(memory_format=torch.channels_last)
    y = torch.nn.functional.conv2d(x, w, None, s, p)
    g = torch.randn_like(y)
    flops = 2 * y.numel() * C * k * k
    def back(mask): return torch.ops.aten.convolution_backward(g, x, w, None, [s, s], [p, p], [1, 1], False, [0, 0], 1, mask)
    ms = [best(lambda: torch.nn.functional.conv2d(x, w, None, s, p)), best(lambda: back([True, False, False])), best(lambda: back([False, True, False]))]
    print(f"{name:20s}", "  ".join(f"{d} {t:8.2f} ({flops / t * 1e-6:6.1f})" for d, t in zip("yxw", ms)), flush=True)
