// LoadElements and StoreElements for one hub. Included only by convert_{float,double,int64,uint64}.cc, each of which
// instantiates it for its hub, so that they compile side by side.
#pragma once

#include <algorithm>
#include <cstring>

#include "base/packed_bits.h"
#include "kernels/elementwise/convert.h"
#include "kernels/elementwise/half_rows.h"
#include "kernels/elementwise/loop.h"

namespace sardonyx::kernels {
namespace convert_hub {

template <class To, class From>
void ConvertRun(const From* in, int64_t count, To* out, const ConvertOptions& options = {}) {
  if constexpr (std::is_same_v<To, From>) {
    if (count > 0 && in != out) std::memmove(out, in, static_cast<size_t>(count) * sizeof(To));
  } else if constexpr (std::is_same_v<To, float> && std::is_same_v<From, Float16>) {
    HalvesToFloats(in, count, out);
  } else if constexpr (std::is_same_v<To, Float16> && std::is_same_v<From, float>) {
    FloatsToHalves(in, count, out);
  } else {
    SARDONYX_INDEPENDENT_LOOP
    for (int64_t i = 0; i < count; ++i) out[i] = ConvertElement<To>(in[i], options);
  }
}

// The value of a packed code of `kBits` bits.
template <class Hub, int kBits, bool kSigned>
Hub FromCode(int code) {
  if constexpr (kSigned)
    return static_cast<Hub>((code ^ (1 << (kBits - 1))) - (1 << (kBits - 1)));
  else
    return static_cast<Hub>(code);
}

template <class Hub, class Float>
Hub FromFloatCode(int code) {
  return ConvertElement<Hub>(Float::FromBits(static_cast<uint8_t>(code)));
}

template <class Hub, int kBits, class Decode>
void Unpack(const void* data, int64_t begin, int64_t count, Hub* out, Decode decode) {
  const auto* bytes = static_cast<const uint8_t*>(data);
  for (int64_t i = 0; i < count; ++i) {
    const int64_t index = begin + i;
    if constexpr (8 % kBits == 0)  // PackedBits without the elements that lie in two bytes
      out[i] = decode((bytes[index * kBits / 8] >> (index * kBits % 8)) & ((1 << kBits) - 1));
    else
      out[i] = decode(PackedBits(bytes, static_cast<size_t>(index), kBits));
  }
}

template <class Hub, int kBits, class Encode>
void Pack(const Hub* in, int64_t count, void* data, int64_t begin, Encode encode) {
  constexpr uint64_t kMask = (1 << kBits) - 1;
  auto* bytes = static_cast<uint8_t*>(data) + begin * kBits / 8;
  for (int64_t i = 0; i < count; i += 8, bytes += kBits) {  // 8 elements take kBits bytes
    const int64_t n = std::min<int64_t>(8, count - i);
    uint64_t word = 0;
    for (int64_t k = 0; k < n; ++k) word |= (static_cast<uint64_t>(encode(in[i + k])) & kMask) << (k * kBits);
    std::memcpy(bytes, &word, static_cast<size_t>((n * kBits + 7) / 8));
  }
}

}  // namespace convert_hub

template <class Hub>
void LoadElements(DataType dtype, const void* data, int64_t begin, int64_t count, Hub* out) {
  using namespace convert_hub;
  switch (dtype) {
#define SARDONYX_LOAD(name, T) \
  case DataType::name:         \
    return ConvertRun(static_cast<const T*>(data) + begin, count, out);
    SARDONYX_LOAD(kFloat, float)
    SARDONYX_LOAD(kDouble, double)
    SARDONYX_LOAD(kFloat16, Float16)
    SARDONYX_LOAD(kBfloat16, BFloat16)
    SARDONYX_LOAD(kInt8, int8_t)
    SARDONYX_LOAD(kInt16, int16_t)
    SARDONYX_LOAD(kInt32, int32_t)
    SARDONYX_LOAD(kInt64, int64_t)
    SARDONYX_LOAD(kUint8, uint8_t)
    SARDONYX_LOAD(kUint16, uint16_t)
    SARDONYX_LOAD(kUint32, uint32_t)
    SARDONYX_LOAD(kUint64, uint64_t)
    SARDONYX_LOAD(kFloat8E4M3FN, Float8E4M3FN)
    SARDONYX_LOAD(kFloat8E4M3FNUZ, Float8E4M3FNUZ)
    SARDONYX_LOAD(kFloat8E5M2, Float8E5M2)
    SARDONYX_LOAD(kFloat8E5M2FNUZ, Float8E5M2FNUZ)
    SARDONYX_LOAD(kFloat8E8M0, Float8E8M0)
#undef SARDONYX_LOAD
    case DataType::kBool: {  // any non-zero byte is true, also where a file holds other bytes than 0 and 1
      const auto* in = static_cast<const uint8_t*>(data) + begin;
      for (int64_t i = 0; i < count; ++i) out[i] = static_cast<Hub>(in[i] != 0);
      return;
    }
    case DataType::kInt4:
      return Unpack<Hub, 4>(data, begin, count, out, FromCode<Hub, 4, true>);
    case DataType::kUint4:
      return Unpack<Hub, 4>(data, begin, count, out, FromCode<Hub, 4, false>);
    case DataType::kInt2:
      return Unpack<Hub, 2>(data, begin, count, out, FromCode<Hub, 2, true>);
    case DataType::kUint2:
      return Unpack<Hub, 2>(data, begin, count, out, FromCode<Hub, 2, false>);
    case DataType::kFloat4E2M1:
      return Unpack<Hub, 4>(data, begin, count, out, FromFloatCode<Hub, Float4E2M1>);
    case DataType::kFloat6E2M3:
      return Unpack<Hub, 6>(data, begin, count, out, FromFloatCode<Hub, Float6E2M3>);
    case DataType::kFloat6E3M2:
      return Unpack<Hub, 6>(data, begin, count, out, FromFloatCode<Hub, Float6E3M2>);
    default:
      return;  // excluded by the precondition
  }
}

template <class Hub>
void StoreElements(const Hub* in, int64_t count, DataType dtype, void* data, int64_t begin, const ConvertOptions& options) {
  using namespace convert_hub;
  const auto code = [](Hub x) { return static_cast<int>(ConvertElement<int8_t>(x)); };
  switch (dtype) {
#define SARDONYX_STORE(name, T) \
  case DataType::name:          \
    return ConvertRun(in, count, static_cast<T*>(data) + begin, options);
    SARDONYX_STORE(kFloat, float)
    SARDONYX_STORE(kDouble, double)
    SARDONYX_STORE(kFloat16, Float16)
    SARDONYX_STORE(kBfloat16, BFloat16)
    SARDONYX_STORE(kInt8, int8_t)
    SARDONYX_STORE(kInt16, int16_t)
    SARDONYX_STORE(kInt32, int32_t)
    SARDONYX_STORE(kInt64, int64_t)
    SARDONYX_STORE(kUint8, uint8_t)
    SARDONYX_STORE(kUint16, uint16_t)
    SARDONYX_STORE(kUint32, uint32_t)
    SARDONYX_STORE(kUint64, uint64_t)
    SARDONYX_STORE(kBool, bool)
    SARDONYX_STORE(kFloat8E4M3FN, Float8E4M3FN)
    SARDONYX_STORE(kFloat8E4M3FNUZ, Float8E4M3FNUZ)
    SARDONYX_STORE(kFloat8E5M2, Float8E5M2)
    SARDONYX_STORE(kFloat8E5M2FNUZ, Float8E5M2FNUZ)
    SARDONYX_STORE(kFloat8E8M0, Float8E8M0)
#undef SARDONYX_STORE
    case DataType::kInt4:
    case DataType::kUint4:
      return Pack<Hub, 4>(in, count, data, begin, code);
    case DataType::kInt2:
    case DataType::kUint2:
      return Pack<Hub, 2>(in, count, data, begin, code);
    case DataType::kFloat4E2M1:
      return Pack<Hub, 4>(in, count, data, begin, [&](Hub x) { return ConvertElement<Float4E2M1>(x, options).bits; });
    case DataType::kFloat6E2M3:
      return Pack<Hub, 6>(in, count, data, begin, [&](Hub x) { return ConvertElement<Float6E2M3>(x, options).bits; });
    case DataType::kFloat6E3M2:
      return Pack<Hub, 6>(in, count, data, begin, [&](Hub x) { return ConvertElement<Float6E3M2>(x, options).bits; });
    default:
      return;  // excluded by the precondition
  }
}

}  // namespace sardonyx::kernels
