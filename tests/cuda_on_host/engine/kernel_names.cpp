// SPDX-License-Identifier: Apache-2.0
#include "tests/cuda_on_host/engine/kernel_names.h"

#include <cxxabi.h>
#include <elf.h>
#include <link.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <vector>

namespace transom::cuda_on_host {
namespace {

std::uintptr_t load_address() {
  std::uintptr_t address = 0;
  dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* out) {
        *static_cast<std::uintptr_t*>(out) = info->dlpi_addr;
        return 1;  // the program itself comes first
      },
      &address);
  return address;
}

std::string demangle(const char* name) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> text(abi::__cxa_demangle(name, nullptr, nullptr, &status),
                                                    std::free);
  return status == 0 ? text.get() : name;
}

/// Mangled names of all functions, by address.
std::map<std::uintptr_t, std::string> read_symbols() {
  std::ifstream file("/proc/self/exe", std::ios::binary);
  const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
  std::map<std::uintptr_t, std::string> names;
  if (bytes.size() < sizeof(ElfW(Ehdr))) return names;
  const auto at = [&]<class T>(T& value, std::size_t offset) {
    if (offset + sizeof value <= bytes.size()) std::memcpy(&value, bytes.data() + offset, sizeof value);
  };
  ElfW(Ehdr) header{};
  at(header, 0);
  std::vector<ElfW(Shdr)> sections(header.e_shnum);
  for (std::size_t i = 0; i < sections.size(); ++i) at(sections[i], header.e_shoff + i * sizeof sections[i]);
  const std::uintptr_t base = load_address();
  for (const ElfW(Shdr) & table : sections) {
    if (table.sh_type != SHT_SYMTAB || table.sh_link >= sections.size()) continue;
    for (std::size_t offset = 0; offset < table.sh_size; offset += sizeof(ElfW(Sym))) {
      ElfW(Sym) symbol{};
      at(symbol, table.sh_offset + offset);
      const std::size_t name = sections[table.sh_link].sh_offset + symbol.st_name;
      if (ELF64_ST_TYPE(symbol.st_info) == STT_FUNC && name < bytes.size())
        names[base + symbol.st_value] = bytes.data() + name;
    }
  }
  return names;
}

}  // namespace

std::string short_name(const std::string& demangled) {
  std::string name;  // what follows the last :: outside of brackets, up to the parameters
  int depth = 0;
  for (std::size_t i = 0; i < demangled.size(); ++i) {
    const char c = demangled[i];
    if (c == '<') ++depth;
    if (c == '>') --depth;
    if (depth == 0 && c == ' ') {
      name.clear();  // the type that it returns
    } else if (depth == 0 && demangled.compare(i, 2, "::") == 0) {
      name.clear();
      ++i;
    } else if (depth == 0 && c == '(' && demangled.compare(i, 11, "(anonymous ") == 0) {
      i = demangled.find(')', i);
    } else if (depth == 0 && c == '(') {
      break;
    } else {
      name += c;
    }
  }
  return name;
}

std::string kernel_name(const void* function) {
  static const std::map<std::uintptr_t, std::string> symbols = read_symbols();
  const auto found = symbols.find(reinterpret_cast<std::uintptr_t>(function));
  return found == symbols.end() ? "kernel" : short_name(demangle(found->second.c_str()));
}

}  // namespace transom::cuda_on_host
