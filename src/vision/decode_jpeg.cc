// JPEG through libjpeg-turbo.
//
// libjpeg reports errors by leaving through longjmp, which must not jump over a C++ object with a destructor. So all that
// calls libjpeg stands in step functions of plain C data, which Run() alone wraps in setjmp.
#include <csetjmp>
#include <cstddef>
#include <cstdio>

// jpeglib.h needs size_t and FILE to be declared before it.
#include <jerror.h>
#include <jpeglib.h>

#include <fmt/format.h>

#include "base/status_macros.h"
#include "vision/codecs.h"
#include "vision/tiff_directory.h"

namespace sardonyx::vision {
namespace {

// A progressive file may have scans without end, each over all of the picture.
constexpr int kMaxScans = 200;

struct State {
  jpeg_decompress_struct info;
  jpeg_error_mgr errors;
  jpeg_progress_mgr progress;
  std::jmp_buf jump;
  char message[JMSG_LENGTH_MAX];
  int code;
  const uint8_t* bytes;
  size_t size;
  uint8_t* out;  // rows of `out_stride` bytes
  size_t out_stride;
};

State* StateOf(j_common_ptr info) { return static_cast<State*>(info->client_data); }

[[noreturn]] void Leave(j_common_ptr info) {
  State* state = StateOf(info);
  state->code = info->err->msg_code;
  info->err->format_message(info, state->message);
  std::longjmp(state->jump, 1);
}

// Warnings that mean that pixels were made up are errors to us; the others (stray bytes, odd headers) are harmless.
void OnMessage(j_common_ptr info, int level) {
  if (level >= 0) return;
  const int code = info->err->msg_code;
  if (code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER || code == JWRN_HUFF_BAD_CODE) Leave(info);
}

void OnProgress(j_common_ptr info) {
  if (!info->is_decompressor || reinterpret_cast<j_decompress_ptr>(info)->input_scan_number <= kMaxScans) return;
  State* state = StateOf(info);
  state->code = JERR_BAD_PROGRESSION;
  std::snprintf(state->message, sizeof(state->message), "more than %d scans", kMaxScans);
  std::longjmp(state->jump, 1);
}

bool Run(State* state, void (*step)(State*)) {
  if (setjmp(state->jump) != 0) return false;
  step(state);
  return true;
}

void ReadHeader(State* state) {
  jpeg_decompress_struct* info = &state->info;
  jpeg_mem_src(info, state->bytes, static_cast<unsigned long>(state->size));
  jpeg_save_markers(info, JPEG_APP0 + 1, 0xffff);  // EXIF
  jpeg_read_header(info, TRUE);
  const bool has_black = info->jpeg_color_space == JCS_CMYK || info->jpeg_color_space == JCS_YCCK;
  info->out_color_space = has_black ? JCS_CMYK : JCS_RGB;
  info->dct_method = JDCT_ISLOW;
}

void ReadPixels(State* state) {
  jpeg_decompress_struct* info = &state->info;
  jpeg_start_decompress(info);
  while (info->output_scanline < info->output_height) {
    JSAMPROW row = state->out + info->output_scanline * state->out_stride;
    jpeg_read_scanlines(info, &row, 1);
  }
  jpeg_finish_decompress(info);
}

Status ErrorOf(const State& state) {
  const bool unsupported = state.code == JERR_BAD_PRECISION || state.code == JERR_SOF_UNSUPPORTED || state.code == JERR_ARITH_NOTIMPL ||
                           state.code == JERR_CONVERSION_NOTIMPL || state.code == JERR_NOT_COMPILED;
  if (unsupported) return Unsupported(state.message);
  return state.code == JERR_OUT_OF_MEMORY ? Resource(state.message) : Corrupt(state.message);
}

int OrientationOf(const jpeg_decompress_struct& info) {
  for (jpeg_saved_marker_ptr marker = info.marker_list; marker != nullptr; marker = marker->next) {
    const std::span<const uint8_t> data(marker->data, marker->data_length);
    const int orientation = ExifOrientation(data);
    if (orientation != 1) return orientation;
  }
  return 1;
}

// Adobe stores CMYK inverted, and everyone follows it: 255 is no ink.
void CmykToRgb(const uint8_t* cmyk, size_t count, uint8_t* rgb) {
  for (size_t i = 0; i < count; ++i, cmyk += 4, rgb += 3)
    for (int c = 0; c < 3; ++c) rgb[c] = static_cast<uint8_t>((cmyk[c] * cmyk[3] + 127) / 255);
}

StatusOr<Decoded> DecodeWith(State* state, uint64_t max_pixels) {
  if (!Run(state, ReadHeader)) return ErrorOf(*state);
  const jpeg_decompress_struct& info = state->info;
  Decoded decoded;
  decoded.orientation = OrientationOf(info);
  ASSIGN_OR_RETURN(decoded.image, MakeImage(info.image_width, info.image_height, 3, max_pixels));
  Image cmyk;
  if (info.out_color_space == JCS_CMYK) {
    ASSIGN_OR_RETURN(cmyk, MakeImage(info.image_width, info.image_height, 4, max_pixels));
  }
  Image& target = cmyk.pixels.empty() ? decoded.image : cmyk;
  state->out = target.pixels.data();
  state->out_stride = target.row_bytes();
  if (!Run(state, ReadPixels)) return ErrorOf(*state);
  if (!cmyk.pixels.empty()) CmykToRgb(cmyk.pixels.data(), cmyk.pixels.size() / 4, decoded.image.pixels.data());
  return decoded;
}

}  // namespace

StatusOr<Decoded> DecodeJpeg(std::span<const uint8_t> bytes, uint64_t max_pixels) {
  State state{};
  state.bytes = bytes.data();
  state.size = bytes.size();
  state.info.err = jpeg_std_error(&state.errors);
  state.errors.error_exit = Leave;
  state.errors.emit_message = OnMessage;
  state.errors.output_message = [](j_common_ptr) {};
  state.info.client_data = &state;
  if (!Run(&state, [](State* s) { jpeg_create_decompress(&s->info); })) return ErrorOf(state);
  state.progress.progress_monitor = OnProgress;
  state.info.progress = &state.progress;
  StatusOr<Decoded> decoded = DecodeWith(&state, max_pixels);
  jpeg_destroy_decompress(&state.info);
  return decoded;
}

}  // namespace sardonyx::vision
