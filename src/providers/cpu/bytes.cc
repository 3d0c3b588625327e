#include "providers/cpu/bytes.h"

#include <algorithm>

namespace sardonyx::cpu {

bool ReadByteParameters(const NodeInfo& node, size_t scale, size_t zero_point, DataType dtype, ByteParameters* out) {
  const Tensor* s = ConstantInput(node, scale);
  if (!s || s->dtype() != DataType::kFloat || s->num_elements() != 1 || (dtype != DataType::kUint8 && dtype != DataType::kInt8)) return false;
  out->scale = s->data<float>()[0];
  out->zero_point = 0;
  if (!(out->scale > 0)) return false;
  if (!HasInput(node, zero_point)) return true;
  const Tensor* z = ConstantInput(node, zero_point);
  if (!z || z->dtype() != dtype || z->num_elements() != 1) return false;
  out->zero_point = dtype == DataType::kUint8 ? z->data<uint8_t>()[0] : z->data<int8_t>()[0];
  return true;
}

bool SignedWeights::Read(const NodeInfo& node, size_t weights, size_t zero_points) {
  const Tensor* w = ConstantInput(node, weights);
  if (!w || (w->dtype() != DataType::kInt8 && w->dtype() != DataType::kUint8)) return false;
  const bool is_signed = w->dtype() == DataType::kInt8;
  const uint8_t middle = is_signed ? 0 : 128;
  if (HasInput(node, zero_points)) {
    const Tensor* z = ConstantInput(node, zero_points);
    if (!z || z->dtype() != w->dtype()) return false;
    const auto* zeros = static_cast<const uint8_t*>(z->raw_data());
    if (!std::all_of(zeros, zeros + z->num_elements(), [&](uint8_t zero) { return zero == middle; })) return false;
  } else if (!is_signed) {
    return false;
  }
  dims_ = w->dims();
  data_ = static_cast<const int8_t*>(w->raw_data());
  if (is_signed) return true;
  moved_.resize(static_cast<size_t>(w->num_elements()));
  for (size_t i = 0; i < moved_.size(); ++i) moved_[i] = static_cast<int8_t>(static_cast<const uint8_t*>(w->raw_data())[i] ^ 0x80);
  data_ = moved_.data();
  return true;
}

std::vector<float> ChannelScales(const NodeInfo& node, size_t i, int64_t channels, float factor) {
  const Tensor* s = ConstantInput(node, i);
  if (!s || s->dtype() != DataType::kFloat || (s->num_elements() != 1 && s->num_elements() != channels)) return {};
  std::vector<float> scales(static_cast<size_t>(channels + kernels::kQuadPanel));
  for (int64_t c = 0; c < channels; ++c) scales[c] = s->data<float>()[s->num_elements() == 1 ? 0 : c] * factor;
  return scales;
}

}  // namespace sardonyx::cpu
