// Whether the machine multiplies and adds bytes in one instruction.
#pragma once

namespace sardonyx::kernels {

bool HasAvx512Vnni();  // vpdpbusd on 512 bits
bool HasAvxVnni();     // on 256 bits, without AVX-512

}  // namespace sardonyx::kernels
