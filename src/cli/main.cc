// The program `sardonyx`: one sub-command a file, listed here.
#include "cli/cli.h"

int main(int argc, char** argv) {
  sardonyx::cli::Program program;
  sardonyx::cli::AddEnv(program);
  sardonyx::cli::AddInspect(program);
  sardonyx::cli::AddCheck(program);
  sardonyx::cli::AddRun(program);
  sardonyx::cli::AddValidate(program);
  sardonyx::cli::AddConformance(program);
  sardonyx::cli::AddBench(program);
  sardonyx::cli::AddConvert(program);
  sardonyx::cli::AddProfile(program);
  return program.Main(argc, argv);
}
