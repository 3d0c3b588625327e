// PNG through libpng, whose errors leave by longjmp as libjpeg's do: see decode_jpeg.cc for how that is kept away from C++
// objects.
#include <png.h>

#include <csetjmp>
#include <cstdio>
#include <cstring>

#include "base/status_macros.h"
#include "vision/codecs.h"
#include "vision/tiff_directory.h"

namespace sardonyx::vision {
namespace {

struct State {
  png_structp png;
  png_infop info;
  std::jmp_buf jump;
  char message[128];
  const uint8_t* at;
  size_t left;
  uint8_t* out;
  size_t out_stride;
  int passes;
};

[[noreturn]] void OnError(png_structp png, png_const_charp message) {
  auto* state = static_cast<State*>(png_get_error_ptr(png));
  std::snprintf(state->message, sizeof(state->message), "%s", message);
  std::longjmp(state->jump, 1);
}

void Read(png_structp png, png_bytep out, size_t size) {
  auto* state = static_cast<State*>(png_get_io_ptr(png));
  if (size > state->left) png_error(png, "the file ends too early");
  std::memcpy(out, state->at, size);
  state->at += size;
  state->left -= size;
}

bool Run(State* state, void (*step)(State*)) {
  if (setjmp(state->jump) != 0) return false;
  step(state);
  return true;
}

void ReadHeader(State* state) {
  png_set_read_fn(state->png, state, Read);
  png_set_chunk_malloc_max(state->png, png_alloc_size_t{1} << 23);
  png_set_user_limits(state->png, 0x7fffffff, 0x7fffffff);  // our own limit bounds the pixels
  png_read_info(state->png, state->info);
}

// Everything becomes 8-bit RGB. tRNS is not expanded, so transparency only exists where there is an alpha channel, and
// that is dropped.
void SetUpPixels(State* state) {
  const int type = png_get_color_type(state->png, state->info);
  if (type == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(state->png);
  if (type == PNG_COLOR_TYPE_GRAY) png_set_expand_gray_1_2_4_to_8(state->png);
  if ((type & PNG_COLOR_MASK_COLOR) == 0) png_set_gray_to_rgb(state->png);
  png_set_strip_16(state->png);
  png_set_strip_alpha(state->png);
  state->passes = png_set_interlace_handling(state->png);
  png_read_update_info(state->png, state->info);  // takes memory for a row, so only after the size was checked
}

void ReadPixels(State* state) {
  const png_uint_32 height = png_get_image_height(state->png, state->info);
  for (int pass = 0; pass < state->passes; ++pass)
    for (png_uint_32 y = 0; y < height; ++y) png_read_row(state->png, state->out + y * state->out_stride, nullptr);
  png_read_end(state->png, state->info);
}

StatusOr<Decoded> DecodeWith(State* state, uint64_t max_pixels) {
  if (!Run(state, ReadHeader)) return Corrupt(state->message);
  Decoded decoded;
  ASSIGN_OR_RETURN(decoded.image,
                   MakeImage(png_get_image_width(state->png, state->info), png_get_image_height(state->png, state->info), 3, max_pixels));
  state->out = decoded.image.pixels.data();
  state->out_stride = decoded.image.row_bytes();
  if (!Run(state, SetUpPixels)) return Corrupt(state->message);
  if (png_get_rowbytes(state->png, state->info) != state->out_stride) return Internal("an unexpected row size");
  if (!Run(state, ReadPixels)) return Corrupt(state->message);
#ifdef PNG_eXIf_SUPPORTED
  png_uint_32 size = 0;
  png_bytep exif = nullptr;
  if (png_get_eXIf_1(state->png, state->info, &size, &exif) != 0) decoded.orientation = ExifOrientation({exif, size});
#endif
  return decoded;
}

}  // namespace

StatusOr<Decoded> DecodePng(std::span<const uint8_t> bytes, uint64_t max_pixels) {
  State state{};
  state.at = bytes.data();
  state.left = bytes.size();
  state.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &state, OnError, [](png_structp, png_const_charp) {});
  if (state.png == nullptr) return Resource("no memory");
  state.info = png_create_info_struct(state.png);
  StatusOr<Decoded> decoded = state.info == nullptr ? StatusOr<Decoded>(Resource("no memory")) : DecodeWith(&state, max_pixels);
  png_destroy_read_struct(&state.png, &state.info, nullptr);
  return decoded;
}

}  // namespace sardonyx::vision
