// Whether the machine multiplies and adds bytes in one instruction.
#pragma once

namespace sardonyx::kernels {

bool HasAvx512Vnni();  // vpdpbusd on 512 bits
bool HasAvxVnni();     // on 256 bits, without AVX-512
bool HasAmxInt8();     // tdpbusd on tiles; asks the system for their registers at the first call

}  // namespace sardonyx::kernels
