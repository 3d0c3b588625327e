// The C++ API in one page: load a model, make a session, run it, read the result.
//
//   classify_digit digits/digits.onnx digits/samples/7.pgm
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <numeric>
#include <string>
#include <vector>

#include <sardonyx/model.h>
#include <sardonyx/session.h>

namespace {

constexpr int64_t kSide = 28;

// Grey pixels from 0 to 1 of a binary PGM picture of 28 x 28; empty if the file is not one.
std::vector<float> ReadPgm(const char* path) {
  std::ifstream file(path, std::ios::binary);
  std::string magic;
  int64_t width = 0, height = 0, maximum = 0;
  file >> magic >> width >> height >> maximum;
  file.get();  // the one blank before the pixels
  std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
  if (magic != "P5" || width != kSide || height != kSide || maximum != 255 || bytes.size() != kSide * kSide) return {};
  std::vector<float> pixels(bytes.size());
  std::transform(bytes.begin(), bytes.end(), pixels.begin(), [](char byte) { return static_cast<unsigned char>(byte) / 255.0f; });
  return pixels;
}

int Fail(const sardonyx::Status& status) {
  std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: classify_digit MODEL PICTURE.pgm\n");
    return 2;
  }
  const std::vector<float> pixels = ReadPgm(argv[2]);
  if (pixels.empty()) {
    std::fprintf(stderr, "%s: not a binary PGM picture of 28 x 28\n", argv[2]);
    return 1;
  }

  const auto model = sardonyx::Model::Load(argv[1]);
  if (!model.ok()) return Fail(model.status());
  const auto session = sardonyx::Session::Create(*model);
  if (!session.ok()) return Fail(session.status());

  // Sessions are thread-safe: make one, run it from as many threads as you like.
  const auto image = sardonyx::Tensor::From<float>({1, 1, kSide, kSide}, pixels);
  const auto outputs = session->Run({{session->inputs()[0].name, image}});
  if (!outputs.ok()) return Fail(outputs.status());

  const auto probabilities = outputs->at(0).tensor().data<float>();
  std::vector<size_t> classes(probabilities.size());
  std::iota(classes.begin(), classes.end(), 0);
  std::sort(classes.begin(), classes.end(), [&](size_t a, size_t b) { return probabilities[a] > probabilities[b]; });
  for (size_t i = 0; i < std::min<size_t>(5, classes.size()); ++i) {
    std::printf("%5.1f %%  %zu\n", 100 * probabilities[classes[i]], classes[i]);
  }
  return 0;
}
