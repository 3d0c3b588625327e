// gzip (RFC 1952) through zlib, not libarchive: only zlib compares the stream's CRC and length with what came out.
#include <algorithm>
#include <limits>
#include <memory>

#include <fmt/format.h>
#include <zlib.h>

#include "base/status_macros.h"
#include "formats/archive.h"
#include "formats/decompress.h"

namespace sardonyx::formats {
namespace {

constexpr int kGzipWindow = MAX_WBITS + 16;   // "+16": a gzip header and trailer, nothing else
constexpr size_t kMaxStep = size_t{1} << 30;  // zlib counts in 32 bits

Status InflateError(int code, const z_stream& stream, size_t offset) {
  if (code == Z_MEM_ERROR) return Resource("gzip: no memory");
  return Corrupt(fmt::format("gzip: damaged near byte {}: {}", offset, stream.msg ? stream.msg : "stream ends too early"));
}

// The stream's last four bytes hold its unpacked size modulo 2^32, when it has one member: believed only as a guess.
size_t FirstGuess(std::span<const uint8_t> packed, uint64_t allowance) {
  constexpr uint64_t kSlack = 64, kMaxRatio = 1032;  // deflate packs no better than 1032:1
  uint64_t guess = packed.size() * 2;
  if (packed.size() >= 18) {
    const uint8_t* end = packed.data() + packed.size();
    guess = end[-4] | end[-3] << 8 | end[-2] << 16 | static_cast<uint64_t>(end[-1]) << 24;
  }
  return static_cast<size_t>(std::min({guess + kSlack, packed.size() * kMaxRatio + kSlack, allowance + 1}));
}

struct InflateEnd {
  void operator()(z_stream* stream) const { inflateEnd(stream); }
};

}  // namespace

Status DecompressGzip(std::span<const uint8_t> packed, uint64_t allowance, std::string* out) {
  z_stream stream{};
  if (inflateInit2(&stream, kGzipWindow) != Z_OK) return Resource("gzip: no memory");
  const std::unique_ptr<z_stream, InflateEnd> guard(&stream);
  size_t read = 0, written = 0;
  out->resize(FirstGuess(packed, allowance));
  for (;;) {
    if (written == out->size()) {
      if (written > allowance) return Resource(fmt::format("gzip: unpacks to more than {} bytes", allowance));
      out->resize(std::min<uint64_t>(allowance + 1, out->size() * 2));
    }
    const size_t in_step = std::min(packed.size() - read, kMaxStep), out_step = std::min(out->size() - written, kMaxStep);
    stream.next_in = const_cast<Bytef*>(packed.data() + read);
    stream.avail_in = static_cast<uInt>(in_step);
    stream.next_out = reinterpret_cast<Bytef*>(out->data() + written);
    stream.avail_out = static_cast<uInt>(out_step);
    const int code = inflate(&stream, Z_NO_FLUSH);
    read += in_step - stream.avail_in;
    written += out_step - stream.avail_out;
    if (code == Z_STREAM_END) {
      // Another member may follow (RFC 1952, 2.2); zero padding may too, as tape tools leave it.
      while (read < packed.size() && packed[read] == 0) ++read;
      if (read == packed.size()) break;
      if (inflateReset(&stream) != Z_OK) return Internal("gzip: inflateReset failed");
      continue;
    }
    // Z_BUF_ERROR is "no progress"; there was room to write, so it is the input that ended.
    if (code != Z_OK) return InflateError(code, stream, read);
  }
  if (written > allowance) return Resource(fmt::format("gzip: unpacks to more than {} bytes", allowance));
  out->resize(written);
  return {};
}

struct GzipWriter::State {
  ByteSink sink;
  z_stream stream{};
  bool ready = false;
  std::vector<uint8_t> buffer = std::vector<uint8_t>(1 << 16);
};

GzipWriter::GzipWriter(ByteSink sink, int level) : state_(std::make_unique<State>()) {
  state_->sink = std::move(sink);
  state_->ready = deflateInit2(&state_->stream, level, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY) == Z_OK;
}

GzipWriter::~GzipWriter() {
  if (state_->ready) deflateEnd(&state_->stream);
}

Status GzipWriter::Run(int flush) {
  z_stream& stream = state_->stream;
  do {
    stream.next_out = state_->buffer.data();
    stream.avail_out = static_cast<uInt>(state_->buffer.size());
    if (deflate(&stream, flush) == Z_STREAM_ERROR) return Internal("gzip: deflate failed");
    const size_t made = state_->buffer.size() - stream.avail_out;
    if (made > 0) RETURN_IF_ERROR(state_->sink(state_->buffer.data(), made));
  } while (stream.avail_out == 0);
  return {};
}

Status GzipWriter::Write(const void* data, size_t size) {
  if (!state_->ready) return Resource("gzip: no memory");
  const auto* at = static_cast<const uint8_t*>(data);
  while (size > 0) {
    const size_t step = std::min(size, kMaxStep);
    state_->stream.next_in = const_cast<Bytef*>(at);
    state_->stream.avail_in = static_cast<uInt>(step);
    RETURN_IF_ERROR(Run(Z_NO_FLUSH));
    at += step;
    size -= step;
  }
  return {};
}

Status GzipWriter::Finish() {
  if (!state_->ready) return Resource("gzip: no memory");
  state_->stream.avail_in = 0;
  return Run(Z_FINISH);
}

}  // namespace sardonyx::formats
