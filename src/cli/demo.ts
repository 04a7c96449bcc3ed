import { Command } from 'commander';

export function demoCommand(): Command {
  return new Command('demo').description('Show a migration between two throwaway servers');
}
