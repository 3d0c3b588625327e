// The ONNX Runtime library, loaded at run time.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "sardonyx/status.h"

namespace sardonyx::onnxruntime {

// Functions by their place in the C interface's table, which stays the same from release to release (onnxruntime_c_api.h:
// "append-only").
enum class Entry : size_t {
  kGetErrorMessage = 2,
  kCreateEnv = 3,
  kCreateSession = 7,
  kRun = 9,
  kCreateSessionOptions = 10,
  kSetSessionLogSeverityLevel = 22,
  kSetSessionGraphOptimizationLevel = 23,
  kSetIntraOpNumThreads = 24,
  kSetInterOpNumThreads = 25,
  kSessionGetInputCount = 30,
  kSessionGetOutputCount = 31,
  kSessionGetInputName = 36,
  kSessionGetOutputName = 37,
  kCreateTensorAsOrtValue = 48,
  kCreateTensorWithDataAsOrtValue = 49,
  kIsTensor = 50,
  kGetTensorMutableData = 51,
  kFillStringTensor = 52,
  kGetStringTensorDataLength = 53,
  kGetStringTensorContent = 54,
  kGetTensorElementType = 60,
  kGetDimensionsCount = 61,
  kGetDimensions = 62,
  kGetTensorTypeAndShape = 65,
  kCreateCpuMemoryInfo = 69,
  kAllocatorFree = 76,
  kGetAllocatorWithDefaultOptions = 78,
  kReleaseEnv = 92,
  kReleaseStatus = 93,
  kReleaseMemoryInfo = 94,
  kReleaseSession = 95,
  kReleaseValue = 96,
  kReleaseTensorTypeAndShapeInfo = 99,
  kReleaseSessionOptions = 100,
};

// Of ONNX Runtime's objects we only hold pointers.
using Handle = void*;

class OrtLibrary {
 public:
  // `path` names the library; empty: $SARDONYX_ONNXRUNTIME, else the system's libonnxruntime.so. kUnsupported, with what to do, when
  // there is none.
  static StatusOr<std::shared_ptr<const OrtLibrary>> Load(const std::string& path = "");
  ~OrtLibrary();

  const std::string& version() const { return version_; }
  Handle env() const { return env_; }

  // Calls a function that answers with a status. The arguments must have exactly the types of the C declaration.
  template <class... Args>
  Status Call(Entry entry, Args... args) const {
    return ToStatus(reinterpret_cast<Handle (*)(Args...)>(Function(entry))(args...));
  }
  // Releases an object; null is fine.
  void Release(Entry entry, Handle object) const {
    if (object) reinterpret_cast<void (*)(Handle)>(Function(entry))(object);
  }

 private:
  OrtLibrary() = default;
  void* Function(Entry entry) const { return table_[static_cast<size_t>(entry)]; }
  Status ToStatus(Handle error) const;

  void* library_ = nullptr;
  void* const* table_ = nullptr;
  Handle env_ = nullptr;
  std::string version_;
};

}  // namespace sardonyx::onnxruntime
